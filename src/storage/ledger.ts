import type { Spent } from '../agent/limits';
import type { CallKey, CallPurpose, RoundRecord, Usage } from '../agent/round';
import type { Refusal } from '../study/itinerary';
import type { Json } from '../study/json';
import type { Batches } from './batches';
import type { SiteHealth } from '../study/site-health';
import type { Distribution, Params } from '../study/space';
import type { AgentLimits, StudySpec } from '../study/spec';
import type { Direction, FinalState, Trial, TrialState } from '../study/trial';
import type { GlobusRows } from './globus-rows';

/** A study as the ledger holds it. `perdure` is `null` for a study that only Optuna has written so far. */
export interface LedgerStudy {
  readonly name: string;
  readonly directions: readonly Direction[];
  /** `study_user_attributes`. */
  readonly attrs: Readonly<Record<string, Json>>;
  readonly perdure: {
    /** Made at creation; never reused. */
    readonly uuid: string;
    /** The seed that stands in where the study file gives none. */
    readonly seed: number;
    /** SHA-256 of the study file's canonical form at creation, to tell the same file from another. */
    readonly fileHash: string;
    /** The study file's specification when the study was last started from it, without adjustments. */
    readonly fileSpec: StudySpec;
    /** Counts from 1, up by one with each adjustment. */
    readonly specVersion: number;
    readonly spec: StudySpec;
    readonly createdAt: Date;
  } | null;
}

export interface NewStudy {
  readonly uuid: string;
  readonly seed: number;
  readonly fileHash: string;
  readonly spec: StudySpec;
  /** The specification in the study file, if it differs from `spec`. */
  readonly fileSpec?: StudySpec;
}

/** The study file that a specification comes from. */
export interface SourceFile {
  readonly hash: string;
  readonly spec: StudySpec;
}

/** A proposal on its way into the ledger. */
export interface Proposal {
  /** Unique in the study; the same key is written once, whoever writes it. */
  readonly key: string;
  readonly params: Params;
  /** The current distribution of each parameter in `params`. */
  readonly distributions: Readonly<Record<string, Distribution>>;
  readonly userAttrs?: Readonly<Record<string, Json>>;
  /** Number of the WAITING trial that this proposal starts, instead of a new one. */
  readonly waiting?: number;
}

export interface Proposed {
  readonly key: string;
  readonly number: number;
  readonly params: Params;
}

export interface TrialResult {
  readonly state: FinalState;
  /** One for each objective where COMPLETE; the last intermediate value or `null` where PRUNED; `null` where FAIL. */
  readonly values: readonly number[] | null;
  readonly userAttrs: Readonly<Record<string, Json>>;
  /** Keeps a COMPLETE result under this key for other trials, unless one is kept there. */
  readonly cacheKey?: string;
}

/** Changes when rows of an open trial are added or removed. It does not change when a value is overwritten. */
export interface TrialVersion {
  readonly number: number;
  readonly state: TrialState;
  /** How many parameters a RUNNING trial has. Optuna adds them one after the other. */
  readonly params: number;
  /** How many intermediate values a RUNNING trial has. */
  readonly reportCount: number;
  /** Identifies the rows of these values: the same key means the same rows. */
  readonly reportsKey: string;
}

/** Counts of a study's trials by state. */
export interface TrialCounts extends Readonly<Record<TrialState, number>> {
  /** Those of them that Optuna started: trials without a proposal of this study. */
  readonly startedByOptuna: { readonly running: number; readonly ended: number };
}

/** A result that a trial of any study of this ledger left. */
export interface CachedResult {
  readonly study: string;
  readonly number: number;
  readonly values: readonly number[];
  readonly intermediateValues: ReadonlyMap<number, number>;
}

/** One attempt's place, kept so that whoever comes later looks for it there. */
export interface JobRow {
  readonly number: number;
  readonly attempt: number;
  readonly site: string;
  /** The host whose worker runs it, where the site is bound to hosts; else `null`. */
  readonly host: string | null;
}

/** A call that is about to be made. */
export interface NewCall extends CallKey {
  readonly purpose: CallPurpose;
  readonly agent: string;
  /** Name of the model, or of the module. */
  readonly model: string;
  /** The most that it can use up. */
  readonly most: Usage;
  readonly limits: AgentLimits;
  readonly callsPerMinute: number;
}

/** What became of the wish to make a call. */
export type CallOpening =
  /** It was answered before; it is not made again. */
  | { readonly kind: 'stored'; readonly answer: string; readonly usage: Usage }
  /** The most that it can cost is reserved: make it, and settle this try. */
  | { readonly kind: 'begun'; readonly try: number }
  /** It could exceed a limit. */
  | { readonly kind: 'over'; readonly reason: string }
  /** As many as are allowed in a minute were made. */
  | { readonly kind: 'wait'; readonly milliseconds: number };

/** How a try of a call ended. `free`: it was refused before anything was used up, and does not count. */
export type CallEnd =
  | { readonly state: 'answered'; readonly answer: string; readonly usage: Usage }
  | { readonly state: 'failed' | 'free'; readonly error: string };

/** A try of a call as the ledger has it. */
export interface CallRow extends CallKey, Usage {
  readonly try: number;
  readonly purpose: string;
  readonly agent: string;
  readonly model: string;
  /** `begun`: under way, or its worker died before the answer was stored. */
  readonly state: 'begun' | 'answered' | 'failed' | 'free';
  readonly answer: string | null;
  readonly error: string | null;
  readonly begunAt: Date;
}

/**
 * How far the submission of an attempt came that may be handed to another site. `begun`: whoever has `token` may be submitting it
 * now, or has; `withdrawing`: nobody submits it any more, and what was submitted has to be ended; `withdrawn`: nothing of it is, or
 * will be, at its site.
 */
export interface Submission {
  readonly token: string;
  readonly state: 'begun' | 'withdrawing' | 'withdrawn';
  /** Why, where it is not `begun`. */
  readonly refusal: Refusal | null;
}

/** What a worker told of a site. */
export interface SiteRow {
  readonly site: string;
  readonly worker: string;
  /** The worker's host, where the site's jobs run on it; else `null`. */
  readonly host: string | null;
  readonly seenAt: Date;
  readonly health: SiteHealth;
}

/**
 * The studies and trials, in Optuna's own schema (version 12), and what Perdure needs beside them in tables named
 * `perdure_*`. Every writing method is one transaction and may be repeated: a second call changes nothing.
 * Studies are named by their name, trials by their number.
 *
 * Errors: {@link PerdureError} `NotFound` for a study that is not there, `Conflict` where said, `Unavailable` when the
 * database does not answer, `Corrupt` for a schema of another version.
 */
export interface Ledger {
  /** The address as Optuna writes it, without a password. */
  readonly url: string;
  /** The largest step of an intermediate value that the database can hold. Values at larger steps are not stored. */
  readonly maxStep: number;
  /** Jobs without a study. */
  readonly batches: Batches;

  /**
   * Creates the study, or joins one that Optuna made with the same name and directions (its trials are kept). With the same
   * UUID: does nothing. Stores `enqueue` as WAITING trials, each once.
   * @throws `Conflict` when a study of this name with another UUID, or with other directions, exists
   */
  createStudy(study: NewStudy): Promise<LedgerStudy>;
  findStudy(name: string): Promise<LedgerStudy | null>;
  listStudies(): Promise<readonly LedgerStudy[]>;
  /**
   * Replaces the specification; `version` must be the present one plus one (the present one with an equal spec: does
   * nothing). Where a categorical gained choices, `distribution_json` of every row of that parameter is rewritten, as
   * Optuna accepts a growing list and nothing else.
   * @param file the study file of this specification, if it comes from one; its `enqueue` is then stored too
   * @throws `Conflict` when the version is another one
   */
  saveSpec(study: string, version: number, spec: StudySpec, file?: SourceFile): Promise<void>;
  /** A row of `study_user_attributes`. */
  setStudyAttrs(study: string, attrs: Readonly<Record<string, Json>>): Promise<void>;

  /**
   * Adds a WAITING trial, as Optuna's `enqueue_trial` does.
   * @param room how many may wait; `null` or absent: any number
   * @returns its number; the same one for the same key
   * @throws `Conflict` where as many wait already
   */
  enqueue(
    study: string,
    key: string,
    params: Params,
    userAttrs?: Readonly<Record<string, Json>>,
    room?: number | null,
  ): Promise<number>;
  /** Numbers of the trials that `commitProposals` wrote: the study's own, as opposed to rows that Optuna put there. */
  proposedNumbers(study: string): Promise<readonly number[]>;
  /** What earlier calls of `commitProposals` wrote under these keys. */
  findProposals(study: string, keys: readonly string[]): Promise<readonly Proposed[]>;
  /**
   * Writes the proposals as RUNNING trials, in order, all or none; those whose key is known come back as they were written
   * first. Numbers are the count of the study's rows, taken under a lock on the study.
   * @throws `Conflict` when a named WAITING trial is no longer waiting; then nothing was written
   */
  commitProposals(study: string, proposals: readonly Proposal[]): Promise<readonly Proposed[]>;

  /** Adds or replaces reported values of a RUNNING trial. */
  setIntermediateValues(study: string, number: number, values: ReadonlyMap<number, number>): Promise<void>;
  /** Forgets them: a new attempt without a checkpoint starts anew. */
  clearIntermediateValues(study: string, number: number): Promise<void>;
  setTrialAttrs(study: string, number: number, attrs: Readonly<Record<string, Json>>): Promise<void>;
  /** Ends a RUNNING or WAITING trial. @returns `false` when it had ended before (nothing is changed) */
  finishTrial(study: string, number: number, result: TrialResult): Promise<boolean>;

  /**
   * Trials by number: those above `after`, and those listed in `numbers`; all of them where neither is given. In order of number.
   * `attrs: false` leaves user and system attributes empty, `attrs: 'system'` those of users, `reports: false` the intermediate
   * values, for whoever has no use for them. `uuid`: none where the study of that name is another one.
   */
  readTrials(
    study: string,
    which: {
      readonly uuid?: string;
      readonly after?: number;
      readonly numbers?: readonly number[];
      readonly attrs?: boolean | 'system';
      readonly reports?: boolean;
    },
  ): Promise<readonly Trial[]>;
  /**
   * The versions of the trials with a number above `after` or in `numbers`. A reader compares versions to read only the trials
   * that have changed.
   */
  readVersions(
    study: string,
    which: { readonly after: number; readonly numbers: readonly number[] },
  ): Promise<readonly TrialVersion[]>;
  /**
   * Intermediate values by trial number and step.
   * @param after by trial number, the step after which values are read; `null`: all values
   */
  readReports(
    study: string,
    after: ReadonlyMap<number, number | null>,
  ): Promise<ReadonlyMap<number, ReadonlyMap<number, number>>>;
  /** Counts of trials, without reading the trials. */
  countTrials(study: string): Promise<TrialCounts>;

  /** Number of the COMPLETE trial with the best value of the first objective, the lowest of equals; `null`: there is none. */
  bestNumber(study: string, direction: Direction): Promise<number | null>;

  /** Reserves the attempt's place; the first writer wins and everybody gets that row. `null`: the trial has ended. */
  placeJob(study: string, job: JobRow): Promise<JobRow | null>;
  listJobs(study: string, number: number): Promise<readonly JobRow[]>;

  /**
   * Reserves the most that a call of a model can cost, unless it was answered before or could exceed a limit. Tries that were
   * never settled count with what was reserved for them, so limits hold whoever is killed.
   */
  beginCall(study: string, call: NewCall): Promise<CallOpening>;
  /** Stores the answer, before it is used, and what it has used up in the place of what was reserved. The first end stands. */
  settleCall(study: string, key: CallKey & { readonly try: number }, end: CallEnd): Promise<void>;
  /** Every try, in order. */
  listCalls(study: string): Promise<readonly CallRow[]>;
  /** What counts against the limits: what was used, and what is reserved for tries that were never settled. */
  spentOnCalls(study: string): Promise<Spent>;
  /** Writes the story of a round, or replaces it. */
  saveRound(study: string, record: RoundRecord): Promise<void>;
  listRounds(study: string): Promise<readonly RoundRecord[]>;
  /** What the ledger knows about the submission of an attempt, even if its site cannot be reached; `null`: no submission was begun. */
  findSubmission(study: string, number: number, attempt: number): Promise<Submission | null>;
  /** Whoever submits such an attempt says so first; the first one's token stays. */
  claimSubmission(study: string, number: number, attempt: number, token: string): Promise<Submission>;
  /**
   * Notes that the attempt may be submitted from now on. The latest token is kept. @returns `true` if no other worker may have begun to
   * submit it, `false` if one may; `null`: it was given up before
   */
  beginSubmission(study: string, number: number, attempt: number, token: string): Promise<boolean | null>;
  /** Removes the note of this token, after which nothing was submitted. The note of another token stays. */
  releaseSubmission(study: string, number: number, attempt: number, token: string): Promise<void>;
  /**
   * Whoever knows that nothing of the attempt was submitted gives it up: where it was not begun, or was by its own token. `force`:
   * also where somebody else has begun it, as `withdrawing`: that has to be ended at the site. @returns what holds now
   */
  withdrawSubmission(
    study: string,
    number: number,
    attempt: number,
    by: { readonly token: string; readonly refusal: Refusal; readonly force: boolean },
  ): Promise<Submission>;
  /** What was `withdrawing` has been ended at its site. */
  settleSubmission(study: string, number: number, attempt: number): Promise<void>;

  /** What this worker knows of sites, for the other workers and for a person. */
  noteSites(worker: string, sites: readonly Pick<SiteRow, 'site' | 'host' | 'health'>[]): Promise<void>;
  /** What every worker told last. */
  readSites(): Promise<readonly SiteRow[]>;

  /** The result kept under a key; `null`: there is none, or its study was deleted. */
  findCached(key: string): Promise<CachedResult | null>;

  /** What sites of Globus Compute keep here. */
  readonly globus: GlobusRows;

  /** Stores bytes under their SHA-256; known bytes are not written again. */
  putFile(sha256: string, bytes: Uint8Array): Promise<void>;
  /** @throws `NotFound` */
  getFile(sha256: string): Promise<Uint8Array>;

  close(): Promise<void>;
}
