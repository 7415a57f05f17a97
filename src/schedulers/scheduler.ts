import type { Json } from '../study/json';
import type { Params } from '../study/space';
import type { TrialSpec } from '../study/spec';

/**
 * One submission of one trial. `studyKey` is made from the study's UUID (see `jobKey`), so a directory or a job name
 * can't be mistaken for that of another study that had the same name.
 */
export interface JobKey {
  /** 16 hexadecimal digits. */
  readonly studyKey: string;
  readonly number: number;
  /** From 1. */
  readonly attempt: number;
}

/** All that a scheduler needs to run one attempt. */
export interface JobRequest {
  readonly key: JobKey;
  readonly trial: TrialSpec;
  readonly params: Params;
  /** The metrics that the result has to contain. */
  readonly metrics: readonly string[];
  /** Bytes of a staged file by its hash. */
  readonly readFile: (sha256: string) => Promise<Uint8Array>;
}

/** How the job's process ended. */
export type JobEnd =
  | { readonly how: 'exited'; readonly status: number }
  | { readonly how: 'signalled'; readonly signal: string }
  /** Ended by `cancel`, with the reason, and the words for a person, that were given there. */
  | { readonly how: 'stopped'; readonly reason: StopReason; readonly why?: string };

export type StopReason = 'timeout' | 'cancelled' | 'pruned';

/** What is known of a job now. `lost`: it is gone and left no word; `unknown`: nobody could be asked. */
export type JobObservation =
  | { readonly state: 'pending' }
  | { readonly state: 'running'; readonly startedAt: Date }
  | { readonly state: 'done'; readonly end: JobEnd; readonly startedAt: Date; readonly endedAt: Date }
  | { readonly state: 'lost'; readonly why: string }
  | { readonly state: 'unknown'; readonly why: string };

export interface Report {
  readonly step: number;
  /** May be NaN or infinite. */
  readonly value: number;
}

/** What a job left behind. */
export interface JobOutput {
  /** The parsed result file; `undefined` where there is none; an unreadable one gives `error`. Bare NaN and Infinity are numbers. */
  readonly result: { readonly value: Json } | { readonly error: string } | undefined;
  readonly reports: readonly Report[];
  /** `true` where the trial itself saw the prune mark, or ended by `TrialPruned`. */
  readonly sawPrune: boolean;
  /** `true` where the trial was asked to give up. */
  readonly pruneAsked: boolean;
  /** Last lines of standard output and error together, for a person. */
  readonly tail: string;
  /** The error that the Python shim caught, one line, where there was one. */
  readonly error: string | undefined;
  /** Where everything is. */
  readonly directory: string;
}

/**
 * Runs jobs at one site. Every method may be called again after a crash of any process, with the same key, and acts
 * once. A scheduler never sees Temporal.
 *
 * Errors: {@link PerdureError} of kind `SubmitRejected` (final), `Unavailable` (try again) or `LoginRequired`.
 */
export interface Scheduler {
  /**
   * Makes the job exist, or finds the one that an earlier call made.
   * @returns the scheduler's own id of the job, or `null` when the site has no free slot now (nothing was done)
   */
  submit(request: JobRequest): Promise<string | null>;
  /** The state of each submitted job, in the order asked. One listing of the site, however many are asked. Never throws for an outage: `unknown`. */
  observe(keys: readonly JobKey[]): Promise<readonly JobObservation[]>;
  /** Resolves when the job may have ended or reported, at the latest after `timeoutMs` or when `signal` aborts. A hint only; may resolve early. */
  waitForNews(key: JobKey, timeoutMs: number, signal: AbortSignal): Promise<void>;
  /** Resolves when a slot may have become free; as `waitForNews`. */
  waitForSlot(timeoutMs: number, signal: AbortSignal): Promise<void>;
  /** Asks the trial to stop by itself: `should_prune()` becomes true. */
  markPruned(key: JobKey): Promise<void>;
  /** Ends the job and everything it started. Resolves when it is gone or was never there; a job cancelled before submission never starts. The first reason stays. */
  cancel(key: JobKey, reason: StopReason, why?: string): Promise<void>;
  /** Reads what the job has reported since it started; cheap enough for each poll. */
  fetchReports(key: JobKey): Promise<readonly Report[]>;
  /** `true` where an earlier attempt of the trial left something in its checkpoint directory, so that a new one goes on from there. */
  hasCheckpoint(key: JobKey): Promise<boolean>;
  /** Reads what an ended job left. */
  fetch(key: JobKey): Promise<JobOutput>;
  close(): Promise<void>;
}
