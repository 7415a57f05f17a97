import { Losses, type Loss } from './losses';
import type { PassedSite } from './site-choice';

/** Why a site did not take a trial that has other sites: nothing of it is, or will be, there. */
export interface Refusal {
  readonly cause: 'down' | 'login' | 'full' | 'rejected';
  readonly why: string;
}

/** One change of site, as the trial's user attribute `site_changes` has it. */
export interface SiteChange {
  readonly attempt: number;
  /** Where the trial went. */
  readonly site: string;
  readonly why: string;
}

/** Where the next attempt goes. `others`: the sites that the trial could go to instead. */
export type NextSite =
  /** There is no choice; `checkpoint`: it goes on from what an earlier attempt left there. */
  | { readonly kind: 'at'; readonly site: string; readonly checkpoint: boolean; readonly others: boolean }
  | { readonly kind: 'choose'; readonly sites: readonly string[] }
  | { readonly kind: 'nowhere'; readonly reason: 'lost' | 'rejected'; readonly message: string };

/** Refusals in a row that cost nothing; after them a trial takes its time (milliseconds, doubled with each). */
const freeRefusals = 4;
const firstPause = 2000;
const longestPause = 10 * 60_000;

/**
 * The way of one trial over its sites: which are left, why others are not, and where it must go on. A site is out for this trial
 * when it rejected it, or when its attempts there were lost more often than they may be; retries are counted for each site.
 */
export class Itinerary {
  private readonly losses = new Map<string, Losses>();
  private readonly out = new Map<string, { readonly reason: 'lost' | 'rejected'; readonly why: string }>();
  private readonly changes_: SiteChange[] = [];
  /** Where a checkpoint waits. */
  private checkpointAt: string | null = null;
  private last: PassedSite | null = null;
  private refusals = 0;
  /** Sites that refused an attempt since one was last with a site. */
  private readonly refusing = new Set<string>();

  constructor(
    private readonly plan: {
      readonly sites: readonly string[];
      readonly retries: number;
      readonly maxResumes?: number;
    },
  ) {}

  next(): NextSite {
    const left = this.plan.sites.filter((site) => !this.out.has(site));
    const [first] = left;
    if (first === undefined) return { kind: 'nowhere', ...this.verdict() };
    if (this.checkpointAt !== null && left.includes(this.checkpointAt))
      return { kind: 'at', site: this.checkpointAt, checkpoint: true, others: left.length > 1 };
    if (left.length === 1) return { kind: 'at', site: first, checkpoint: false, others: false };
    return { kind: 'choose', sites: left };
  }

  /** What befell the attempt before, where it was not this one's site. */
  get before(): PassedSite | null {
    return this.last;
  }

  /** Sites that have just refused the trial, in a state that may pass: others that take it come first. */
  get refusedBy(): readonly string[] {
    return [...this.refusing];
  }

  get changes(): readonly SiteChange[] {
    return this.changes_;
  }

  /** How long to wait before a site is chosen again (milliseconds): sites may seem well and refuse all the same. */
  get pause(): number {
    const beyond = this.refusals - freeRefusals;
    return beyond <= 0 ? 0 : Math.min(longestPause, firstPause * 2 ** (beyond - 1));
  }

  /** An attempt is with the site. */
  begun(): void {
    this.refusals = 0;
    this.refusing.clear();
  }

  changed(change: SiteChange): void {
    this.changes_.push(change);
  }

  lost(site: string, why: string, loss: Loss): void {
    const { retries, maxResumes } = this.plan;
    const counted = this.losses.get(site) ?? new Losses({ retries, ...(maxResumes === undefined ? {} : { maxResumes }) }); // prettier-ignore
    this.losses.set(site, counted);
    this.last = { site, why: `the attempt was lost: ${why}` };
    this.checkpointAt = null;
    if (!counted.allow(loss)) this.out.set(site, { reason: 'lost', why });
    else if (loss.cause === 'walltime' && loss.checkpoint === true) this.checkpointAt = site;
  }

  refused(site: string, { cause, why }: Refusal): void {
    this.refusals += 1;
    // Each of them has refused by now: they are as good as each other.
    if (this.plan.sites.every((one) => one === site || this.refusing.has(one) || this.out.has(one)))
      this.refusing.clear();
    this.refusing.add(site);
    this.last = { site, why: `${refusalWords[cause]}: ${why}` };
    if (cause !== 'rejected') return;
    this.out.set(site, { reason: 'rejected', why });
    if (this.checkpointAt === site) this.checkpointAt = null;
  }

  /** All that is to be said where the trial has no site left, or is rejected by its last one. */
  verdict(last?: PassedSite): { readonly reason: 'lost' | 'rejected'; readonly message: string } {
    const all = [...this.out].map(([site, { why }]) => ({ site, why }));
    if (last !== undefined) all.push(last);
    const reason = [...this.out.values()].some((one) => one.reason === 'lost') ? 'lost' : 'rejected';
    const message =
      this.plan.sites.length === 1
        ? (all[0]?.why ?? '')
        : all.map(({ site, why }) => `${site}: ${why}`).join('\n');
    return { reason, message };
  }
}

const refusalWords: Readonly<Record<Refusal['cause'], string>> = {
  down: 'it is down',
  login: 'it needs a login',
  full: 'it is full',
  rejected: 'it rejects the trial',
};
