import type { Json, JsonObject } from '../study/json';
import type { SiteHealth } from '../study/site-health';
import type { Cleaning, Heap, NeededStudy, SiteFinding } from '../study/site-upkeep';
import type { Preparation, TrialSpec } from '../study/spec';
import type { AttemptState, StopReason } from '../sites/attempt-state';
import type { PreparationProgress, PreparationRequest } from './preparation';

export type { AttemptState, JobEnd, LossCause, StopReason } from '../sites/attempt-state';

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
  readonly params: JsonObject;
  /** Parameters whose numbers are floats, whole ones too; absent: a whole number is an integer. */
  readonly floats?: readonly string[];
  /** What was prepared for the study at the site, where anything was: the trial is told its directory. */
  readonly preparation?: Preparation;
  /** Names of environment variables that hold secrets of the study; the job does not get them. */
  readonly secrets?: readonly string[];
  /** The metrics that the result has to contain. */
  readonly metrics: readonly string[];
  /** Bytes of a staged file by its hash. */
  readonly readFile: (sha256: string) => Promise<Uint8Array>;
}

/** How jobs of a site are best followed. */
export interface Pace {
  /** How long one look lasts (milliseconds): nought where the site is asked from time to time, and has no news between. */
  readonly stay: number;
  /** When to look again after it (milliseconds). */
  readonly again: number;
}

export interface Report {
  readonly step: number;
  /** May be NaN or infinite. */
  readonly value: number;
}

/** Lines in the file of intermediate values that are not valid reports. */
export interface InvalidReports {
  readonly count: number;
  /** The first of them, with the reason. */
  readonly first: string;
}

/** What a job left behind. */
export interface JobOutput {
  /** The parsed result file; `undefined` where there is none; an unreadable one gives `error`. Bare NaN and Infinity are numbers. */
  readonly result: { readonly value: Json } | { readonly error: string } | undefined;
  readonly reports: readonly Report[];
  /** `null`: every line was a valid report. */
  readonly invalidReports: InvalidReports | null;
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

/** The site takes no job now, and nothing was done. */
export interface Full {
  /** Why, in words: those of its queue, where that has any. */
  readonly full: string;
}

/**
 * Runs jobs at one site. Every method may be called again after a crash of any process, with the same key, and acts
 * once. A scheduler never sees Temporal.
 *
 * Errors: {@link PerdureError} of kind `SubmitRejected` (final), `Unavailable` (try again) or `LoginRequired`.
 */
export interface Scheduler {
  /** Where jobs take slots of this host. */
  readonly slots?: HostSlots;
  /**
   * Makes the job exist, or finds the one that an earlier call made.
   * @returns the scheduler's own id of the job
   */
  submit(request: JobRequest): Promise<string | Full>;
  /** The state of each submitted job, in the order asked. One listing of the site, however many are asked. Never throws for an outage: `unknown`. */
  observe(keys: readonly JobKey[]): Promise<readonly AttemptState[]>;
  /** How to follow jobs here, from now on. */
  pace(): Pace;
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
  /**
   * Reads what the trial has printed so far.
   * @returns `null` where the attempt has no directory: it is not there yet, or not any more
   */
  readLog(key: JobKey, part: LogPart): Promise<LogBytes | null>;
  /** Removes what is old and nobody needs, or says what that would be. May be ended at any moment, and called again. */
  clean(cleaning: Cleaning): Promise<readonly Heap[]>;
  /**
   * How the site is, from what was seen of it last. Asked every few seconds while anybody has to choose a site, so it costs the
   * site nothing while jobs are followed there; where nothing has been seen for as long as a poll interval, it may look once.
   * Never throws for an outage.
   */
  health(): Promise<SiteHealth>;
  /**
   * The last lines of a log that tells of the site itself; absent where there is no such thing. Empty where it can't be read without
   * making others wait.
   * @throws {@link PerdureError} `Unavailable`, `LoginRequired`
   */
  siteLog?(): Promise<readonly string[]>;
  /** Looks at the site for a person. @param needed by the studies of the ledger, to tell jobs that are nobody's */
  examine(needed: readonly NeededStudy[]): Promise<readonly SiteFinding[]>;
  /**
   * Begins what a study wants prepared, or finds it begun, and looks how far it has come. One run at a site, whoever asks and
   * whatever dies meanwhile; it goes on without anybody looking.
   */
  prepare(request: PreparationRequest): Promise<PreparationProgress>;
  /** The asker waits no more: the preparation is ended, unless it is over or somebody else waits. Resolves when it is gone. */
  abandonPreparation(request: PreparationRequest): Promise<void>;
  close(): Promise<void>;
}

/** The slots of a host, for jobs that another host of the site could run as well. */
export interface HostSlots {
  /** Takes a free slot for the job, or keeps the one that it has; `submit` uses it within five seconds, or anybody may take it. */
  reserve(key: JobKey): boolean;
  /** Gives back the slot of a job that is not submitted here after all. */
  release(key: JobKey): void;
}

/** Who wrote what is read: the trial itself, or the job around it, as long as the trial has written nothing. */
export type LogSource = 'trial' | 'job';

export interface LogPart {
  /** What `from` counts in; where there is another source now, that is read from its beginning. */
  readonly source: LogSource | null;
  readonly from: number;
  readonly most: number;
}

export interface LogBytes {
  /** `null`: nothing has been written. */
  readonly source: LogSource | null;
  /** Where `bytes` begin. */
  readonly from: number;
  /** Of the whole. */
  readonly size: number;
  readonly bytes: Uint8Array;
}
