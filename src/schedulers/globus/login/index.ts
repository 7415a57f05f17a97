import type { Ask } from '../../../transports/transport';
import type { GlobusAuthorization } from '../authorization';
import { AuthServer } from './auth-server';
import { ClientAuthorization } from './client-authorization';
import { InferenceAuthorization, type InferenceService } from './inference-authorization';
import { LoginFile } from './login-file';
import { logIn, logOut } from './person';
import { PythonSdkLogin } from './python-sdk-login';
import { UserAuthorization, type UserLogin } from './user-authorization';

/** How a site logs in. */
export interface LoginOptions {
  /** Its name, for messages. */
  readonly site: string;
  /** The state directory; logins are kept below it. */
  readonly home: string;
  readonly auth: {
    readonly method: 'native_client' | 'confidential_client' | 'client_credentials';
    readonly clientId: string | null;
    readonly clientSecretEnv: string | null;
    readonly authUrl: string;
    readonly pythonLogin?: { readonly file: string; readonly namespace: string; readonly clientId: string };
    /** With a native client that has an id: logins ask for this service's tokens too. */
    readonly inference?: InferenceService;
  };
  /** Where the secret is looked for; default: the process's own. */
  readonly env?: NodeJS.ProcessEnv;
}

/** The login of a site, on this machine. */
export interface GlobusLogin {
  readonly authorization: GlobusAuthorization;
  /** For a service of models; `null`: the site's logins do not ask for one. */
  readonly inference: Pick<InferenceAuthorization, 'accessToken'> | null;
  /**
   * With a person, where one is needed.
   * @returns what to tell the person
   */
  logIn(ask: Ask): Promise<string>;
  /**
   * Revokes what this machine has, and removes it.
   * @returns what to tell the person
   */
  logOut(): Promise<string>;
}

/** Opens a site's login; nothing is read or asked yet. */
export function openGlobusLogin({ site, home, auth, env = process.env }: LoginOptions): GlobusLogin {
  return auth.method === 'native_client' ? userLogin(site, home, auth) : clientLogin(site, auth, env);
}

function userLogin(site: string, home: string, auth: LoginOptions['auth']): GlobusLogin {
  const { authUrl, clientId, pythonLogin } = auth;
  // Without an application of one's own, what has to be noted is about the SDK's.
  const file = new LoginFile(home, { authUrl, clientId: clientId ?? pythonLogin?.clientId ?? 'none' });
  const server = clientId === null ? null : new AuthServer(authUrl, clientId, null);
  const service = auth.inference;
  const inference =
    server === null || service === undefined
      ? null
      : { service, authorization: new InferenceAuthorization(site, file, server, service) };
  const login: UserLogin = {
    site,
    file,
    server,
    ...(inference === null ? {} : { inference }),
    sdk:
      pythonLogin === undefined
        ? null
        : {
            login: new PythonSdkLogin(pythonLogin.file, pythonLogin.namespace),
            server: new AuthServer(authUrl, pythonLogin.clientId, null),
          },
  };
  const authorization = new UserAuthorization(login);
  return {
    authorization,
    inference: inference?.authorization ?? null,
    logIn: (ask) => logIn(authorization, login, ask),
    logOut: () => logOut(login),
  };
}

function clientLogin(site: string, auth: LoginOptions['auth'], env: NodeJS.ProcessEnv): GlobusLogin {
  const { clientId, clientSecretEnv, authUrl, method } = auth;
  const secretEnv = clientSecretEnv ?? 'GLOBUS_COMPUTE_CLIENT_SECRET';
  const secret = env[secretEnv] ?? '';
  const authorization = new ClientAuthorization({
    site,
    secretEnv,
    server: clientId === null || secret === '' ? null : new AuthServer(authUrl, clientId, secret),
  });
  const own = `site '${site}' logs in by itself, as a ${method}`;
  return {
    authorization,
    inference: null,
    logIn: async () => {
      await authorization.accessToken();
      return `${own}, and it can be used`;
    },
    logOut: () => Promise.resolve(`${own}: there is nothing to log out of`),
  };
}
