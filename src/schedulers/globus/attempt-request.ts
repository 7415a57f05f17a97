import { deflateSync } from 'node:zlib';
import { PerdureError } from '../../study/error';
import { objectOf, type Json, type JsonObject } from '../../study/json';
import { attemptPath } from '../job-key';
import { paramsText } from '../job-program';
import { runScript } from '../remote/run-script';
import type { SiteShim } from '../remote/shim';
import type { JobRequest } from '../scheduler';
import type { GlobusSite } from './globus-site';
import { atHome, unmarked } from './home-directory';
import type { ResourceSpecification } from './wire';

/** How long a task waits for files to appear that another worker's node has written (seconds). */
const awaitFiles = 2;

/**
 * What a task for an attempt is made of, apart from the bytes of files: small, and kept in the journal, so that any worker can submit
 * it again.
 * @throws {@link PerdureError} `SubmitRejected` for a file in the place of our own
 */
export function attemptRequest(
  site: GlobusSite,
  shim: SiteShim,
  name: string,
  request: JobRequest,
): JsonObject {
  const { key, trial } = request;
  const { timeout } = trial;
  const script = runScript({ ...site, blocks: null, launcher: launcherOf(site, request) }, shim, request);
  return {
    do: 'attempt',
    key: name,
    root: unmarked(site.workingDir),
    path: attemptPath(key),
    shim: shim.path,
    files: trial.files.map(({ path, sha256, executable }) => {
      if (path === '.perdure' || path.startsWith('.perdure/')) {
        throw new PerdureError('SubmitRejected', `'${path}' is where Perdure keeps files of its own`, {
          where: 'trial.files',
          hint: 'give it another name',
        });
      }
      return [path, sha256, executable ? '755' : '644'];
    }),
    texts: { 'params.json': paramsText(request), 'run.sh': atHome(script) },
    limit: Math.min(site.functionTimeout, timeout ?? Infinity) / 1000,
    wait: awaitFiles,
    resources: resourcesOf(site, request) as unknown as Json,
  };
}

/** The task itself. @param bring bytes of files by their path below the working directory */
export function taskOf(
  request: JsonObject,
  bring: ReadonlyMap<string, Uint8Array>,
): { readonly task: JsonObject; readonly resources: ResourceSpecification | null } {
  const { resources = null, ...task } = request;
  const packed = Object.fromEntries([...bring].map(([path, bytes]) => [path, packedText(bytes)]));
  return {
    task: { ...task, bring: packed },
    // It was made by `resourcesOf`.
    resources: objectOf(resources) as ResourceSpecification | null,
  };
}

export function packedText(bytes: Uint8Array): string {
  return deflateSync(bytes).toString('base64');
}

/** An engine with MPI is always told both numbers: from one alone, it makes a launcher's option that is no number. */
function resourcesOf(
  { resourceSpecification }: GlobusSite,
  { trial }: JobRequest,
): ResourceSpecification | null {
  if (resourceSpecification === null) return null;
  const { num_ranks: _, ...given } = resourceSpecification;
  const number = (own: number | null | undefined, name: string): number => {
    const value = own ?? given[name];
    return typeof value === 'number' ? value : 1;
  };
  return {
    ...given,
    num_nodes: number(trial.nodes, 'num_nodes'),
    ranks_per_node: number(trial.ranksPerNode, 'ranks_per_node'),
  };
}

/** Shell text in front of the program; `undefined`: as at other sites. */
function launcherOf(site: GlobusSite, request: JobRequest): string | undefined {
  const resources = resourcesOf(site, request);
  if (resources === null) return undefined;
  // One process needs no launcher; without the engine's own words, ranks could go anywhere.
  if (resources.num_nodes * resources.ranks_per_node === 1) return '';
  return '${PARSL_MPI_PREFIX:?the engine of this endpoint gives no MPI launcher}';
}
