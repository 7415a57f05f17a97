import { setTimeout as sleep } from 'node:timers/promises';
import type { Ledger } from '../storage/ledger';
import type { SiteChange } from '../study/itinerary';
import { chooseSite, type PassedSite, type SitePolicy } from '../study/site-choice';
import type { ChosenSite, SiteQuery, StudyRef } from '../workflows/activity-types';
import { pending } from './boundary';
import type { SiteFlags } from './site-flags';
import type { SiteWatch } from './site-watch';

/** How long a site is waited for in one look, how often it is looked at, and when the next look begins (milliseconds). */
const longest = 15_000;
const glance = 300;
const again = 1000;

export interface Choosing {
  readonly ledger: Ledger;
  readonly watch: SiteWatch;
  readonly flags: SiteFlags;
}

/**
 * Chooses a site for an attempt, and writes down why it is not the one that would have come first.
 * @throws `JobPending` where no site takes it now
 */
export async function chooseSiteFor(
  choosing: Choosing,
  query: SiteQuery,
  signal: AbortSignal,
): Promise<ChosenSite> {
  const { study, number, attempt, sites, changes } = query;
  const { site, passed } = await firstThatTakes(choosing, study, sites, query, signal);
  choosing.watch.reserve(site, trialName(study.uuid, number));
  const why = whyThere(site, query, passed);
  if (why !== '') await noteSites(choosing.ledger, study.name, number, [...changes, { attempt, site, why }]);
  return { site, why };
}

/**
 * Waits for a site that takes trials of the study, and tells the study of logins that are needed meanwhile.
 * @throws `JobPending` where there is none now
 */
export async function firstThatTakes(
  { watch, flags }: Choosing,
  study: StudyRef,
  sites: readonly string[],
  policy: SitePolicy,
  signal: AbortSignal,
): Promise<{ readonly site: string; readonly passed: readonly PassedSite[] }> {
  const until = Date.now() + longest;
  for (;;) {
    const views = await watch.views(study.uuid, sites);
    for (const { site, state, reason } of views) {
      if (state === 'login') await flags.tell(study, site, reason);
      else if (state === 'ok') await flags.tell(study, site, null);
    }
    const choice = chooseSite(views, policy);
    if (choice.kind === 'site') return choice;
    if (Date.now() > until || signal.aborted) throw pending(choice.why, again);
    await sleep(glance, undefined, { signal }).catch(() => undefined);
  }
}

/** Writes down where a trial went and why. */
export function noteSites(
  ledger: Ledger,
  study: string,
  number: number,
  changes: readonly SiteChange[],
): Promise<void> {
  const site_changes = changes.map(({ attempt, site, why }) => ({ attempt, site, why }));
  return ledger.setTrialAttrs(study, number, { site_changes });
}

/** What a reservation is called. */
export function trialName(uuid: string, number: number): string {
  return `${uuid}/${String(number)}`;
}

/** Empty where the trial is simply at its first site, or still at the same one. */
function whyThere(
  site: string,
  { before, preferred, sites }: Pick<SiteQuery, 'before' | 'preferred' | 'sites'>,
  passed: readonly PassedSite[],
): string {
  if (before === null && site === preferred && site !== sites[0])
    return 'whoever proposed it prefers this site';
  const moved = before === null || before.site === site ? [] : [before];
  const others = passed.filter((one) => one.site !== before?.site);
  return [...moved, ...others].map((one) => `${one.site} ${one.why}`).join('; ');
}
