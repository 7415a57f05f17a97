import type { JobEnd, JobKey, JobRequest, Report, Scheduler } from '../schedulers/scheduler';
import type { JobRow, Ledger, Submission } from '../storage/ledger';
import { PerdureError } from '../study/error';
import type { Refusal } from '../study/itinerary';
import type { SiteFlags } from './site-flags';
import type { SiteWatch } from './site-watch';
import type { StudyContexts } from './study-context';

/** What the activities of a site are made with. */
export interface SiteDependencies {
  readonly ledger: Ledger;
  readonly contexts: StudyContexts;
  readonly schedulers: ReadonlyMap<string, Scheduler>;
  /** Name of this host, for sites whose jobs are bound to it; `null` for those that any worker can reach. */
  readonly hostOf: (site: string) => string | null;
  /** Aborts when the worker is about to end: waiting stops, jobs go on. */
  readonly stopping: AbortSignal;
  readonly failpoint: (name: string) => void;
  readonly watch: SiteWatch;
  readonly flags: SiteFlags;
}

/** When an attempt's program began and ended. */
export interface JobTimes {
  readonly startedAt: Date;
  readonly endedAt: Date;
}

/**
 * One attempt at a site with all that its activities need at hand, and what it belongs to: a trial of a study, or a job that
 * has none. How a site is asked is the same for both; where an end is kept, and what a report means, is not.
 */
export interface Attempt<Outcome> {
  readonly site: string;
  /** From 1. */
  readonly attempt: number;
  readonly key: JobKey;
  readonly scheduler: Scheduler;
  readonly request: JobRequest;
  /** Milliseconds it may run; `null`: no limit. */
  readonly timeout: number | null;
  /** How that which it belongs to ended, where it has: nothing is left to do. */
  readonly outcome: Outcome | null;
  /** What to do where the site does not take it; `null`: it can only be made here, and waits. */
  readonly handOver: HandOverOf<Outcome> | null;
  /**
   * For an attempt that has no other site: the record of its submission, which tells a cancel whether anything may have been submitted.
   * `null`: no record is kept.
   */
  readonly submission: SubmissionRecord<Outcome> | null;
  /**
   * Reserves its place: the first worker that asks gets it, and everybody that row. `null` where that which it belongs to has ended
   * since it was read, and no job of it may begin.
   */
  place(host: string | null): Promise<JobRow | null>;
  /** `true` where its place is reserved, wherever. */
  isPlaced(): Promise<boolean>;
  /** Sees to it that the site is prepared. @throws `JobPending` while it is not */
  beReady(): Promise<void>;
  /** Earlier attempts left nothing to go on from: what they reported does not count. */
  forgetReports(): Promise<void>;
  /**
   * Writes the reports that are new since the last call.
   * @param reports all that it has reported so far
   * @param decided whether the attempt has already been asked to stop
   * @returns whether the attempt should be asked to stop
   */
  takeReports(reports: readonly Report[], decided: boolean): Promise<boolean>;
  /** Fetches what the ended job left, judges it and keeps the end. Twice does no harm: the first end stays. */
  record(end: JobEnd, times?: JobTimes): Promise<Outcome>;
  /** The site waits for a person, with what to do; `null`: it answers. */
  tellLogin(needed: string | null): Promise<void>;
}

/** The ledger's record of an attempt's submission to a site that may be unreachable. See the methods of the ledger. */
export interface SubmissionRecord<Outcome> {
  begin(token: string): Promise<boolean | null>;
  release(token: string): Promise<void>;
  withdraw(token: string, refusal: Refusal, force: boolean): Promise<Submission>;
  /** Keeps the end of what was cancelled before anything was submitted. */
  recordCancelled(message: string): Promise<Outcome>;
}

/** An attempt whose trial has other sites: it is given up rather than waits, where nothing of it was submitted. */
export interface HandOverOf<Outcome> extends Pick<SubmissionRecord<Outcome>, 'withdraw' | 'recordCancelled'> {
  /** It waits for the site, unless that rejects it. */
  readonly onlyRejected: boolean;
  /** See the methods of the ledger. */
  find(): Promise<Submission | null>;
  claim(token: string): Promise<Submission>;
  settle(): Promise<void>;
  /** It has come to its site, or not: its place is not reserved any more. */
  arrived(): void;
  /** The site has rejected it. */
  rejected(why: string): void;
}

export function schedulerOf({ schedulers }: Pick<SiteDependencies, 'schedulers'>, site: string): Scheduler {
  const scheduler = schedulers.get(site);
  if (scheduler !== undefined) return scheduler;
  throw new PerdureError('Unavailable', `this worker's settings have no site '${site}'`, {
    hint: 'add it to perdure.yaml and start the worker again',
  });
}
