import type { AskPerson } from '../control/control-server';
import type { ControlAnswer, ControlRequest, LogReply } from '../control/protocol';
import { studyKey } from '../schedulers/job-key';
import type { LogBytes, Scheduler } from '../schedulers/scheduler';
import { PerdureError } from '../study/error';
import { before, Deadline } from '../transports/deadline';
import type { OpenSite } from './open-sites';

/** How long a person waits for a site's own log (milliseconds). */
const logPatience = 10_000;

/**
 * Carries out what the command line asks of this worker.
 * @param serves whether this worker has the site, which another process may have for itself
 * @returns what to tell the person
 * @throws {@link PerdureError} `NotFound` where another worker is to be asked
 */
export async function carryControl(
  sites: ReadonlyMap<string, OpenSite>,
  serves: (site: string) => boolean,
  request: ControlRequest,
  ask: AskPerson,
): Promise<string> {
  const site = sites.get(request.site);
  if (site === undefined) {
    throw new PerdureError('NotFound', `this worker's settings have no site '${request.site}'`, {
      hint: `it has: ${[...sites.keys()].join(', ')}`,
    });
  }
  if (!serves(request.site)) {
    throw new PerdureError('NotFound', `no worker of this machine has the site '${request.site}' now`, {
      hint: 'one that ended has to be gone first; try again in a moment',
    });
  }
  if (request.do === 'login') return login(request.site, site, ask);
  return hinted(request.site, carryAtSite(site, request));
}

async function carryAtSite(
  site: OpenSite,
  request: Exclude<ControlRequest, { readonly do: 'login' }>,
): Promise<string> {
  switch (request.do) {
    case 'log': {
      const { number, attempt, part } = request;
      const log = await site.scheduler.readLog({ studyKey: studyKey(request.study), number, attempt }, part);
      return JSON.stringify((log === null ? null : logReply(log)) satisfies ControlAnswer['log']);
    }
    case 'clean':
      return JSON.stringify((await site.scheduler.clean(request.cleaning)) satisfies ControlAnswer['clean']);
    case 'health': {
      const health = await site.scheduler.health();
      const log = request.log === true ? await logOf(site.scheduler) : [];
      return JSON.stringify({ ...health, log } satisfies ControlAnswer['health']);
    }
    case 'examine':
      return JSON.stringify(
        (await site.scheduler.examine(request.needed)) satisfies ControlAnswer['examine'],
      );
  }
}

/** What can't be read is left out: how the site is has been told. */
async function logOf(scheduler: Scheduler): Promise<readonly string[]> {
  try {
    const deadline = new Deadline(logPatience);
    const late = (): Error => deadline.error('the log of the site', 'its log');
    return await before(deadline, scheduler.siteLog?.() ?? Promise.resolve([]), late);
  } catch (error) {
    if (error instanceof PerdureError) return [];
    throw error;
  }
}

async function login(name: string, { interactive }: OpenSite, ask: AskPerson): Promise<string> {
  if (interactive === null) return `site '${name}' needs no login`;
  await interactive.login(ask);
  return `site '${name}' can be used`;
}

/** A way to a site does not know what the settings call it. */
async function hinted(site: string, work: Promise<string>): Promise<string> {
  try {
    return await work;
  } catch (cause) {
    if (!(cause instanceof PerdureError) || cause.kind !== 'LoginRequired' || cause.hint !== undefined)
      throw cause;
    const hint = `perdure login ${site}`;
    throw new PerdureError('LoginRequired', cause.message, { where: cause.where, hint, cause });
  }
}

export function logReply({ source, from, size, bytes }: LogBytes): LogReply {
  return { source, from, size, base64: Buffer.from(bytes).toString('base64') };
}
