import { askAnyWorker } from '../control/any-worker';
import type { ControlRequest, LogReply, LogRequest } from '../control/protocol';
import type { Settings } from '../config/settings';
import { PerdureError } from '../study/error';
import { nearSite } from './near-site';

/** One attempt, at its site. `study`: the UUID that its directory is named after. */
export type LoggedAttempt = Omit<Extract<ControlRequest, { readonly do: 'log' }>, 'do' | 'part'>;

/**
 * Reads a part of what an attempt has printed, by a worker of this machine where the site is another.
 * @returns `null` where the attempt has no directory
 * @throws {@link PerdureError} `NotFound` for a site that the settings do not have, `Unavailable` where no worker runs
 */
export function readAttemptLog(
  { home, sites }: Settings,
  attempt: LoggedAttempt,
  part: LogRequest,
  signal?: AbortSignal,
): Promise<LogReply | null> {
  const site = Object.hasOwn(sites, attempt.site) ? sites[attempt.site] : undefined;
  if (site === undefined) {
    throw new PerdureError('NotFound', `the settings have no site '${attempt.site}'`, {
      hint: `they have: ${Object.keys(sites).join(', ')}`,
    });
  }
  const request = { do: 'log', ...attempt, part } as const;
  const near = nearSite(site);
  return near === null ? askAnyWorker<'log'>(home, request, signal) : near.readLog(request);
}
