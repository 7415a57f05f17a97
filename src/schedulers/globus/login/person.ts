import { PerdureError } from '../../../study/error';
import type { Ask } from '../../../transports/transport';
import type { GlobusChallenge } from '../authorization';
import { authorizeParameters, requiredScopes, wordsOf } from './challenge';
import type { InferenceLogin, UserAuthorization, UserLogin } from './user-authorization';

/**
 * Logs a person in: shows the page to open, and reads the code that it gives. Does nothing where the login that is there will do.
 * @returns what to tell the person
 * @throws {@link PerdureError} `LoginRequired` where Globus did not accept it or the person gave up, `InvalidInput` without an
 * application to log in as, `Unavailable`
 */
export async function logIn(authorization: UserAuthorization, login: UserLogin, ask: Ask): Promise<string> {
  const { site, file, server, inference } = login;
  try {
    await authorization.accessToken();
    await inference?.authorization.accessToken();
    return `site '${site}' can be used: you are logged in to Globus; \`perdure logout ${site}\` ends that`;
  } catch (error) {
    if (!(error instanceof PerdureError) || error.kind !== 'LoginRequired') throw error;
    if (server === null) throw error;
  }
  const challenge = file.read().refusal?.challenge ?? null;
  const scopes = [
    ...(challenge === null ? [] : requiredScopes(challenge)),
    ...(inference === undefined ? [] : [inference.service.scope]),
  ];
  const attempt = await server.begin(scopes, parametersOf(challenge, inference));
  const wish = challenge === null ? '' : `Globus Compute says: ${wordsOf(challenge)}\n`;
  const answers = await ask({
    about: site,
    instructions: `${wish}Open this page, log in with Globus, and copy the code that it shows:\n\n${attempt.page}\n`,
    prompts: [{ text: 'Code:', echo: true }],
  });
  const code = codeIn(answers?.[0] ?? '', attempt.state);
  if (code === '') {
    throw new PerdureError('LoginRequired', 'there was no code', {
      where: site,
      hint: `perdure login ${site}`,
    });
  }
  try {
    const tokens = await server.finish(attempt, code, inference?.service.scope ?? null);
    await file.locked(() => {
      file.write({ tokens: tokens.compute, refusal: null, inference: tokens.inference });
      return Promise.resolve();
    });
  } catch (error) {
    if (!(error instanceof PerdureError) || error.kind !== 'LoginRequired') throw error;
    // A code is good once and for ten minutes, and only for the page that was shown with it.
    const hint = error.hint ?? `begin anew, as a code is good for one login: perdure login ${site}`;
    throw new PerdureError('LoginRequired', error.message, { where: site, hint });
  }
  return `site '${site}' can be used: you are logged in to Globus`;
}

/**
 * Ends the login of this machine: revokes its tokens at Globus and removes them.
 * @returns what to tell the person
 * @throws {@link PerdureError} `Unavailable` where Globus does not answer: then the login is as it was; `Conflict` where the login is that
 * of Globus' Python SDK, which other programs use
 */
export async function logOut({ site, file, server, sdk }: UserLogin): Promise<string> {
  return file.locked(async () => {
    const { tokens, inference = null } = file.read();
    for (const one of [inference, tokens]) {
      if (one === null || server === null) continue;
      // The refresh token last: until it is gone, this can be repeated.
      for (const token of [one.accessToken, one.refreshToken])
        if (token !== null) await server.revoke(token).catch(onlyIfUnavailable);
    }
    file.remove();
    const theirs = sdk?.login.read() ?? null;
    if (theirs === null)
      return tokens === null
        ? `nobody is logged in to Globus for site '${site}'`
        : `you are logged out of Globus; jobs of site '${site}' go on`;
    throw new PerdureError(
      'Conflict',
      "the login that this site can use is that of Globus' own SDK, and other programs may need it",
      {
        where: sdk?.login.file,
        hint: 'to end that one too: globus-compute-endpoint logout',
      },
    );
  });
}

/** What belongs in the page's address: what was asked of a new login, and the policy of the models' service. */
function parametersOf(
  challenge: GlobusChallenge | null,
  inference: InferenceLogin | undefined,
): Readonly<Record<string, string>> {
  const asked = challenge === null ? {} : authorizeParameters(challenge);
  const policy = inference?.service.sessionPolicy ?? null;
  if (policy === null) return asked;
  const policies = [asked['session_required_policies'], policy].filter((one) => one !== undefined);
  return { ...asked, session_required_policies: policies.join(',') };
}

/** What Globus does not know any more needs no revoking. */
function onlyIfUnavailable(error: unknown): void {
  if (!(error instanceof PerdureError) || error.kind !== 'LoginRequired') throw error;
}

/** The code, also where the page's whole address was copied. */
function codeIn(answer: string, state: string): string {
  const text = answer.trim();
  if (!URL.canParse(text)) return text;
  const { searchParams } = new URL(text);
  return searchParams.get('state') === state ? (searchParams.get('code') ?? '') : '';
}
