import type { Settings, SiteSettings } from '../config/settings';
import { openGlobusLogin, type GlobusLogin } from '../schedulers/globus/login';

/**
 * The login of a site that is kept in the state directory, for whichever process needs it: a worker, or the command line on its own.
 * @returns `null` where a login is a connection, which only a worker has
 */
export function siteLogin(name: string, site: SiteSettings, home: string): GlobusLogin | null {
  if (site.scheduler !== 'globus_compute') return null;
  return openGlobusLogin({ site: name, home, auth: site.auth });
}

/** The tokens for models of the first site whose logins ask for them; `undefined`: there is no such site. */
export function inferenceToken({ sites, home }: Settings): (() => Promise<string>) | undefined {
  for (const [name, site] of Object.entries(sites)) {
    const inference = siteLogin(name, site, home)?.inference ?? null;
    if (inference !== null) return () => inference.accessToken();
  }
  return undefined;
}
