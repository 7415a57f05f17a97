import { endpointConfigProblems } from '../config';
import type { Settings } from '../config/settings';
import { endpointSchema } from '../schedulers/globus';
import { openGlobusLogin } from '../schedulers/globus/login';
import { PerdureError } from '../study/error';
import { invalidInput, type PlacedProblem } from '../study/problem';

/**
 * Holds `user_endpoint_config` of these sites against the schemas of their endpoints, as far as Globus tells them. Where it does not
 * (nobody has logged in, it does not answer, the endpoint has none), the endpoint says so itself at the first task.
 * @throws {@link PerdureError} `InvalidInput`
 */
export async function checkEndpoints({ sites, home }: Settings, names: readonly string[]): Promise<void> {
  const problems = await Promise.all(
    names.map(async (name): Promise<readonly PlacedProblem[]> => {
      const site = sites[name];
      if (site?.scheduler !== 'globus_compute') return [];
      const { serviceUrl, endpointId, auth, userEndpointConfig } = site;
      const { authorization } = openGlobusLogin({ site: name, home, auth });
      try {
        const schema = await endpointSchema({ site: name, serviceUrl, authorization }, endpointId);
        return schema === null ? [] : endpointConfigProblems(name, userEndpointConfig, schema);
      } catch (error) {
        if (!(error instanceof PerdureError)) throw error;
        return [];
      }
    }),
  );
  if (problems.flat().length > 0) throw invalidInput(problems.flat());
}
