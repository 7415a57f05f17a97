import { userInfo } from 'node:os';
import { pathText, type Problem } from '../study/problem';
import type { TransportSettings } from './settings';
import type { SiteCircumstances } from './sites';
import type { TransportFile } from './transport-schema';

/**
 * A way to a site with every default filled in; `undefined`, with a problem added, where nobody knows the user's name.
 * @param path of the site in the settings
 */
export function transportOf(
  path: Problem['path'],
  transport: TransportFile,
  { absolute, agent, problems }: SiteCircumstances,
): TransportSettings | undefined {
  if (transport.type === 'local') return { type: 'local' };
  if (transport.type === 'openssh') {
    return { type: 'openssh', host: transport.host, controlPath: absolute(transport.control_path) };
  }
  const user = transport.user ?? localUser();
  if (user === undefined) {
    problems.push(missing(path, 'transport.user', 'your name at the site; this machine has none for you'));
    return undefined;
  }
  const { host, port, identity_file, known_hosts } = transport;
  return {
    type: 'ssh2',
    host,
    port,
    user,
    ...(identity_file === undefined ? {} : { identityFile: absolute(identity_file) }),
    knownHosts: absolute(known_hosts),
    ...(transport.agent && agent !== undefined ? { agent } : {}),
  };
}

/** In a container there may be nobody of this user's number. */
function localUser(): string | undefined {
  try {
    return userInfo().username;
  } catch {
    return undefined;
  }
}

/** @param path of the site that has no such key */
export function missing(path: Problem['path'], key: string, hint: string): Problem {
  return { path, message: `'${key}' is missing in '${pathText(path)}'`, hint: `give ${hint}` };
}
