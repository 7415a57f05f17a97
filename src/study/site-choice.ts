import { plainLine } from './plain-text';
import type { HealthState } from './site-health';

/** A site as it is now, for whoever has to choose one. */
export interface SiteView {
  readonly site: string;
  readonly state: HealthState;
  /** Why it is in that state; empty where all is well. */
  readonly reason: string;
  /** Trials that it would take now; `null`: its queue has no limit of ours. */
  readonly free: number | null;
  /** Trials of ours that wait in its queue. */
  readonly queued: number;
}

/** How to choose. */
export interface SitePolicy {
  /** Divide trials by free capacity, instead of using the first site that takes any. */
  readonly spread: boolean;
  /** Goes before the others where it takes any. */
  readonly preferred?: string;
  /** Sites that have just refused the trial, though they may seem to take it: any other that takes it comes before them. */
  readonly refusedBy?: readonly string[];
}

export type SiteChoice =
  /** `passed`: the sites that would have come before it, and why they were not taken. */
  | { readonly kind: 'site'; readonly site: string; readonly passed: readonly PassedSite[] }
  /** None takes a trial now; `why` tells of each. */
  | { readonly kind: 'wait'; readonly why: string };

export interface PassedSite {
  readonly site: string;
  readonly why: string;
}

/**
 * The site for a trial now.
 * @param views in the study's order, without those that the trial can't be made at any more
 */
export function chooseSite(
  views: readonly SiteView[],
  { spread, preferred, refusedBy = [] }: SitePolicy,
): SiteChoice {
  const ordered = [
    ...views.filter(({ site }) => site === preferred),
    ...views.filter(({ site }) => site !== preferred),
  ];
  // One that is not quite well is better than waiting, and worse than any that is.
  for (const state of ['ok', 'degraded'] as const) {
    const able = ordered.filter((view) => view.state === state && view.free !== 0);
    const others = able.filter(({ site }) => !refusedBy.includes(site));
    const takers = others.length > 0 ? others : able;
    const first = takers.find(({ site }) => site === preferred);
    const taken = first ?? (spread ? roomiest(takers) : takers[0]);
    if (taken === undefined) continue;
    const before = ordered.slice(0, ordered.indexOf(taken));
    // Where trials are divided, one that merely has less room was not passed over.
    const passed = spread ? ordered.filter((view) => view.state !== 'ok' && view !== taken) : before;
    return { kind: 'site', site: taken.site, passed: passed.map(passedOver) };
  }
  return { kind: 'wait', why: `no site takes a trial now: ${ordered.map(inWords).join('; ')}` };
}

/**
 * The one with the most free slots. A queue without a limit of ours counts as one free slot as long as none of our trials waits in
 * it; where nothing has room, the queue with the fewest waiting is next.
 */
function roomiest(views: readonly SiteView[]): SiteView | undefined {
  const room = ({ free, queued }: SiteView): number => free ?? Math.max(0, 1 - queued);
  return views.reduce<SiteView | undefined>((best, view) => {
    if (best === undefined) return view;
    const more = room(view) - room(best);
    return more > 0 || (more === 0 && room(best) === 0 && view.queued < best.queued) ? view : best;
  }, undefined);
}

function passedOver(view: SiteView): PassedSite {
  return { site: view.site, why: whyNot(view) };
}

function inWords(view: SiteView): string {
  return `${view.site} ${whyNot(view)}`;
}

function whyNot({ state, reason, free }: SiteView): string {
  // The first line says what happened; what to do is said where a person looks for it.
  const said = reason === '' ? '' : `: ${oneLine(reason)}`;
  switch (state) {
    case 'login':
      return `needs a login${said}`;
    case 'down':
      return `is down${said}`;
    case 'degraded':
      return free === 0 ? `is full${said}` : `is not well${said}`;
    case 'ok':
      return free === 0 ? `is full${said}` : 'comes later';
  }
}

/** The first line of what a site said, short enough for a list. */
export function oneLine(text: string): string {
  const [line = ''] = text.split('\n');
  return plainLine(line, 200);
}
