import type { SiteFinding } from '../../study/site-upkeep';

/** Whether the site's Python will do for functions and blocks. @param said by `python3 --version` */
export function pythonFinding(site: string, said: string): SiteFinding {
  const [, minor] = /^Python 3\.(\d+)/.exec(said) ?? [];
  if (minor !== undefined && Number(minor) >= 9) return { what: `Python of ${site}`, ok: true, found: said };
  return {
    what: `Python of ${site}`,
    ok: false,
    found: minor === undefined ? `no python3: ${said}` : `${said}, which is older than 3.9`,
    hint: `Python functions and blocks need it: bring it by worker_init of the site, or name it by python: in the study`,
  };
}
