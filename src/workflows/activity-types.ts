import type { CheckedAnswer } from '../agent/check-proposals';
import type { Decision } from '../agent/decisions';
import type { CallKey, CallPurpose, Conversation, RoundRecord, Usage } from '../agent/round';
import type { AgentState, Pending, Slot } from '../agent/turns';
import type { Json } from '../study/json';
import type { DiagnosisFinding, DiagnosisTest } from '../jobs/diagnosis';
import type { JobCounts, JobOutcome } from '../jobs/job';
import type { Refusal, SiteChange } from '../study/itinerary';
import type { StudyState, TrialOutcome } from '../study/progress';
import type { PassedSite, SitePolicy } from '../study/site-choice';
import type { Params } from '../study/space';
import type { StudySpec } from '../study/spec';
import type { Tally } from '../study/tally';

/** Names a study; small, since every activity of every trial carries it. */
export interface StudyRef {
  readonly name: string;
  /** Guards against a ledger in which the name belongs to another study. */
  readonly uuid: string;
  /**
   * Identity of the ledger that the study was started with. If a worker uses this ledger and does not find the study, the study is
   * gone; any other worker may be using the wrong ledger.
   */
  readonly ledger?: string;
  /** What is done needs the specification of this version, or a later one; absent in histories of earlier versions. */
  readonly specVersion?: number;
}

/** What the ledger knows when a study's workflow begins. */
export interface OpenedStudy {
  readonly tally: Tally;
  /** Proposals that were ever made; absent in histories of earlier versions. */
  readonly proposed?: number;
  /** Trials that are RUNNING there: an earlier workflow of this study was ended, or forgotten by its server. */
  readonly running: readonly TrialStart[];
  /** Where the study has agents, or had. */
  readonly agent?: AgentState;
}

/** A trial to start. */
export interface TrialStart {
  readonly number: number;
  /** For a person to read in Temporal UI. */
  readonly summary: string;
  /** The idea of a model that it tries. */
  readonly idea?: string;
  /** A site of the study where it had better run. */
  readonly site?: string;
}

/** What a study asks of its sampler. */
export interface ProposalRequest {
  readonly keys: readonly string[];
  /** Who proposes for each key, if the study has agents. */
  readonly slots?: readonly Slot[];
  /** How many more trials the budget allows; absent: no limit. */
  readonly budgetLeft?: number;
  /** How many trials that ended before they were started the study has counted so far. */
  readonly unstarted: number;
}

export interface Proposals {
  readonly trials: readonly TrialStart[];
  /** The sampler has nothing left (a grid that is used up). */
  readonly exhausted: boolean;
  /** Trials of the study that ended before they were started, as {@link Tally} counts them; absent: none. */
  readonly unstarted?: number;
  /** Ideas that could not be tried any more; the backbone proposed in their place. */
  readonly dropped?: readonly string[];
}

/** Activities of the study's task queue. Each may run twice and acts once. */
export interface StudyActivities {
  openStudy(study: StudyRef): Promise<OpenedStudy>;
  /** One trial for each key, in order; the same key always gives the same trial. */
  propose(study: StudyRef, specVersion: number, request: ProposalRequest): Promise<Proposals>;
  saveSpec(study: StudyRef, version: number, spec: StudySpec): Promise<void>;
  noteState(study: StudyRef, state: StudyState, reason: string): Promise<void>;
  enqueueTrial(
    study: StudyRef,
    key: string,
    params: Params,
    userAttrs?: Readonly<Record<string, Json>>,
    /** How many trials may wait for their turn. `null` or absent: any number. */
    room?: number | null,
  ): Promise<number>;
  /** @returns the number of the WAITING copy of an ended trial */
  retryTrial(study: StudyRef, key: string, number: number, room?: number | null): Promise<number>;
  /** Ends a WAITING trial. Fails with type `Conflict` where it is in another state, `NotFound` where there is none. */
  cancelWaiting(study: StudyRef, number: number): Promise<void>;
  /** How a trial's workflow ended that did not say so itself. `null`: the ledger has no end of it yet. */
  recordedOutcome(study: StudyRef, number: number): Promise<TrialOutcome | null>;
  /** Resolves when at least one of these trial workflows is closed: with the numbers of those. */
  watchTrials(
    trials: readonly { readonly number: number; readonly workflowId: string }[],
  ): Promise<readonly number[]>;
  /** Records FAIL for a trial whose attempts are used up or can't be made. */
  failTrial(study: StudyRef, number: number, failure: TrialFailure): Promise<TrialOutcome>;
  /** Ends a trial with the result of an equal one, where there is one. */
  fromCache(study: StudyRef, number: number): Promise<CacheAnswer>;
  /** The site for a trial's next attempt; answers when one takes it. Notes in the trial's attributes why it changes its site. */
  chooseSite(query: SiteQuery): Promise<ChosenSite>;
  /** The first of these sites that takes trials; answers when there is one. */
  firstSite(study: StudyRef, sites: readonly string[], policy: SitePolicy): Promise<string>;
  /** Writes down where a trial went and why, which a chosen site has done by itself. */
  noteSites(study: StudyRef, number: number, changes: readonly SiteChange[]): Promise<void>;
  /** Where the last attempt of a trial was placed; `null`: nothing of it is at any site. */
  lastPlace(study: StudyRef, number: number): Promise<AttemptPlace | null>;
}

/** What a round of an agent begins with. */
export interface RoundQuestion {
  readonly round: number;
  readonly agent: string;
  /** Proposals. */
  readonly wanted: number;
}

/** What an agent is told: how the study stands. */
export interface RoundBriefing {
  readonly summary: string;
  /** From its earlier rounds. */
  readonly notes: string;
  /** Trials that it proposed have ended since it last looked back. */
  readonly news: boolean;
  /** How many trials of its proposals have ended. */
  readonly seen: number;
}

/** One call of a model, or of a proposer of the user's. */
export interface ModelCall extends CallKey {
  readonly purpose: CallPurpose;
  readonly agent: string;
  readonly conversation: Conversation;
  /** What was wrong with the answer before. */
  readonly problems: readonly string[];
  readonly wanted: number;
}

export type ModelReply =
  | { readonly kind: 'answer'; readonly text: string; readonly usage: Usage; readonly model: string }
  /** A call more could exceed a limit. */
  | { readonly kind: 'limits'; readonly reason: string };

/** An answer to be checked against the study as it is now. */
export interface AnswerCheck {
  readonly answer: string;
  readonly wanted: number;
  /** Proposed before, and not tried yet. */
  readonly besides: readonly Params[];
}

type AskModel = (study: StudyRef, specVersion: number, call: ModelCall) => Promise<ModelReply>;

/** The steps of an agent's round; activities of the study's task queue. A call that was answered is not made again. */
export interface AgentActivities {
  agentObserve(study: StudyRef, specVersion: number, question: RoundQuestion): Promise<RoundBriefing>;
  agentReflect: AskModel;
  agentPropose: AskModel;
  agentRepair: AskModel;
  agentCritic: AskModel;
  agentValidate(study: StudyRef, specVersion: number, check: AnswerCheck): Promise<CheckedAnswer>;
  /** Writes the round's story. */
  agentRecord(study: StudyRef, record: RoundRecord): Promise<void>;
  /** Adds to the stories of rounds what was decided of their ideas and requests. */
  agentDecide(study: StudyRef, decisions: readonly Decision[]): Promise<void>;
  /** Lets people see what waits for their yes. */
  agentAwait(study: StudyRef, pending: readonly Pending[]): Promise<void>;
}

export interface CacheAnswer {
  /** `null`: it has to be run. */
  readonly outcome: TrialOutcome | null;
  /** What its result is to be kept under; absent where it is not. */
  readonly key?: string;
}

/** Asks for a site. */
export interface SiteQuery extends SitePolicy {
  readonly study: StudyRef;
  readonly number: number;
  /** The one that is to be made. */
  readonly attempt: number;
  /** Those that are left, in the study's order. */
  readonly sites: readonly string[];
  /** What befell the attempt before; `null`: there was none. */
  readonly before: PassedSite | null;
  readonly changes: readonly SiteChange[];
}

export interface ChosenSite {
  readonly site: string;
  /** Why not the site that would have come first, or the one before; empty where there is nothing to say. */
  readonly why: string;
}

export interface TrialFailure {
  readonly reason: 'lost' | 'rejected' | 'cancelled';
  readonly message: string;
}

/** One attempt of one trial at one site. */
export interface AttemptRef {
  readonly study: StudyRef;
  readonly number: number;
  /** From 1. */
  readonly attempt: number;
  readonly site: string;
  /**
   * Its trial has other sites, so that it is given up rather than waits where nothing of it was submitted: `always`, or only where
   * the site has `rejected` it. Absent: it waits here.
   */
  readonly handOver?: 'always' | 'rejected';
  /** What a COMPLETE result is kept under. */
  readonly cacheKey?: string;
}

export interface AttemptPlace {
  readonly attempt: number;
  readonly site: string;
  /** The host whose worker has it, where the site is bound to hosts. */
  readonly host: string | null;
}

/** How far an attempt has come. */
export type AttemptProgress<Outcome = TrialOutcome> =
  /** It ended and the ledger has the outcome. */
  | { readonly kind: 'ended'; readonly outcome: Outcome }
  /** It is with the scheduler; go on with `awaitAttempt` there. */
  | { readonly kind: 'submitted'; readonly host: string | null; readonly jobId: string }
  /** Another host had begun this attempt: `startAttempt` has to be asked there. */
  | { readonly kind: 'elsewhere'; readonly host: string }
  /** Nothing of it is at the site, nor will be: another site is to be asked, by another attempt. */
  | ({ readonly kind: 'refused' } & Refusal)
  /** It is gone without a word; `checkpoint`: it left something that the next attempt goes on from. */
  | {
      readonly kind: 'lost';
      readonly why: string;
      readonly cause?: 'site' | 'walltime' | 'block';
      readonly checkpoint?: boolean;
    };

/** What a study wants prepared at a site. */
export interface PreparationRef {
  readonly study: StudyRef;
  readonly site: string;
  /** The worker's host that has it, where the site is bound to hosts; `null`: whichever takes it. */
  readonly host: string | null;
  /** Who waits for it: what failed is made anew for another asker only. */
  readonly asker: string;
}

/** What came of a preparation. */
export type PreparationEnd =
  | { readonly kind: 'prepared' }
  /** It would fail again; `why` has the last lines of its output. */
  | { readonly kind: 'failed'; readonly why: string }
  | { readonly kind: 'lost'; readonly why: string }
  /** It is under way on this host: `prepareSite` has to be asked there. */
  | { readonly kind: 'begun'; readonly host: string };

/** What is done with an attempt at its site. */
export interface AttemptActivities<Ref, Outcome> {
  /**
   * Submits the attempt unless it was, and waits a moment for its end. A job that ends in that moment is recorded at once,
   * so that a short one costs a single activity.
   */
  readonly startAttempt: (attempt: Ref) => Promise<AttemptProgress<Outcome>>;
  /** Follows the job to its end, hands its reports to the ledger and the pruner, and records the outcome. */
  readonly awaitAttempt: (attempt: Ref) => Promise<AttemptProgress<Outcome>>;
  /**
   * Ends the job, wherever it stands, and records FAIL with reason `cancelled`, unless it had ended by itself. Before the
   * submission it sees to it that there is none.
   */
  readonly cancelAttempt: (
    attempt: Ref,
    message: string,
  ) => Promise<Extract<AttemptProgress<Outcome>, { readonly kind: 'ended' | 'elsewhere' }>>;
}

/** What the worker that runs a workflow may do at its own host within the workflow task. It may run twice and acts once. */
export interface NearActivities<Ref, Outcome> {
  /**
   * As `startAttempt`, where the site is this very host and has a free slot. `null`: nothing was done, and `startAttempt`
   * has to be asked by the site's task queue.
   */
  tryAttempt(attempt: Ref): Promise<AttemptProgress<Outcome> | null>;
}

/** Activities of a site's task queue. Each may run twice and acts once. */
export interface SiteActivities extends AttemptActivities<AttemptRef, TrialOutcome> {
  /** Begins what the study wants prepared at the site, unless it was begun, and follows it to its end. */
  prepareSite(preparation: PreparationRef): Promise<PreparationEnd>;
  /** The study waits for it no more: it is ended, unless it is over or another study waits for it. */
  abandonPreparation(preparation: PreparationRef): Promise<void>;
  /** The same as the first three, for a job without a study. */
  readonly startJob: JobActivities['startAttempt'];
  readonly awaitJob: JobActivities['awaitAttempt'];
  readonly cancelJob: JobActivities['cancelAttempt'];
}

type JobActivities = AttemptActivities<JobAttemptRef, JobOutcome>;

/** Names a batch of jobs without a study. */
export interface BatchRef {
  readonly name: string;
  /** Guards against a ledger in which the name belongs to another batch. */
  readonly uuid: string;
}

/** One attempt of one job at one site. */
export interface JobAttemptRef {
  readonly batch: BatchRef;
  readonly number: number;
  /** From 1. */
  readonly attempt: number;
  readonly site: string;
}

/** A job to start. */
export interface JobStart {
  readonly number: number;
  readonly id: string;
  /** How often a lost attempt is repeated. */
  readonly retries: number;
  /** How often one goes on that left a checkpoint at its walltime; absent: never. */
  readonly maxResumes?: number;
}

/** Activities of the workflows' task queue, for batches. Each may run twice and acts once. */
export interface BatchActivities {
  /** Jobs with a number above `after` that have not ended, at most so many, in order. */
  nextJobs(batch: BatchRef, after: number, most: number): Promise<readonly JobStart[]>;
  countJobs(batch: BatchRef): Promise<JobCounts>;
  /** Records FAIL for a job whose attempts are used up or can't be made. */
  failJob(batch: BatchRef, number: number, failure: TrialFailure, attempts: number): Promise<JobOutcome>;
  /** What the ended jobs of a diagnosis mean. @param roundTrip milliseconds that the first job took */
  judgeDiagnosis(
    batch: BatchRef,
    test: DiagnosisTest,
    roundTrip: number,
  ): Promise<readonly DiagnosisFinding[]>;
  /** Ends the jobs above `after` that wait. @returns how many */
  cancelWaitingJobs(batch: BatchRef, after: number, message: string): Promise<number>;
}
