import { PerdureError } from '../../study/error';
import type { SiteFinding } from '../../study/site-upkeep';
import { lineOf } from '../remote/site-answer';
import { directoryFinding } from '../remote/directory-finding';
import { pythonFinding } from '../remote/python-finding';
import { words, type SiteShell } from '../remote/site-shell';
import type { GlobusClient } from './globus-client';
import { inWords } from './globus-health';
import type { GlobusSite } from './globus-site';

/** What a person wants to know of an endpoint: the service, the endpoint, its files and its Python. */
export async function endpointFindings(
  { site, endpointId, serviceUrl, workerInit }: GlobusSite,
  client: Pick<GlobusClient, 'endpointStatus'>,
  shell: SiteShell,
  /** The transport in words, where there is one. */
  reached: string | null,
): Promise<readonly SiteFinding[]> {
  const findings: SiteFinding[] = [];
  try {
    const status = await client.endpointStatus(endpointId);
    const online = status.status === 'online';
    findings.push({
      what: `endpoint of ${site}`,
      ok: online,
      found: inWords(status).split('; ')[0] ?? '',
      ...(online ? {} : { hint: 'on its machine: globus-compute-endpoint start NAME' }),
    });
    if (!online && reached === null) return findings;
  } catch (error) {
    if (!(error instanceof PerdureError)) throw error;
    if (error.kind === 'LoginRequired') throw error;
    const hint = error.hint === undefined ? {} : { hint: error.hint };
    findings.push({
      what: `endpoint of ${site}`,
      ok: false,
      found: `${error.message} (${serviceUrl})`,
      ...hint,
    });
    if (reached === null) return findings;
  }
  return [...findings, ...(await filesFindings(site, workerInit, shell, reached))];
}

async function filesFindings(
  site: string,
  workerInit: string,
  shell: SiteShell,
  reached: string | null,
): Promise<readonly SiteFinding[]> {
  const way = reached ?? 'by a task';
  try {
    const [answer] = await shell.callAll([
      { lines: (number) => `tell_site ${words(number, workerInit)}`, timeoutMs: 60_000 },
    ]);
    if (answer === undefined) return [directoryFinding(site, way, undefined)];
    return [
      directoryFinding(site, way, lineOf(answer, 'writable')),
      pythonFinding(site, lineOf(answer, 'python') ?? ''),
    ];
  } catch (error) {
    if (!(error instanceof PerdureError) || error.kind === 'LoginRequired') throw error;
    const hint = reached === null ? 'a transport in its settings would need no worker' : error.hint;
    return [
      {
        what: `site ${site}`,
        ok: false,
        found: `its files can't be reached: ${error.message}`,
        ...(hint === undefined ? {} : { hint }),
      },
    ];
  }
}
