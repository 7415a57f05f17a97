import type { Json, JsonObject } from '../../study/json';

/** A task of an attempt, as the service knows it. */
export interface TaskRecord {
  readonly taskId: string;
  readonly submittedAt: Date;
  /** What became of it, in a word and its reason; `null`: nothing is known yet. */
  readonly ended: string | null;
}

/** What is kept of an attempt, so that any worker can go on with it. */
export interface AttemptRecord {
  readonly attempt: string;
  /** What a task for it is made of; `null` where it was stopped before there was one. */
  readonly request: JsonObject | null;
  /** Why it was asked to end. */
  readonly stop: JsonObject | null;
  /** What came of it; written once. */
  readonly outcome: Json;
  /** In the order in which they were submitted. */
  readonly tasks: readonly TaskRecord[];
}

/**
 * Where a Globus Compute site keeps what has to outlive a worker: beside the ledger, for all workers. Each method is one transaction
 * and may be repeated. Attempts go by a name that is unique among all studies.
 */
export interface GlobusJournal {
  /** The id under which a service knows the function whose text has this hash. */
  findFunction(service: string, hash: string): Promise<string | null>;
  /** @returns the id that was kept first */
  keepFunction(service: string, hash: string, id: string): Promise<string>;
  /** The service does not know it any more. */
  forgetFunction(service: string, hash: string, id: string): Promise<void>;

  /** Task groups of a site, the newest first. */
  taskGroups(site: string): Promise<readonly string[]>;
  keepTaskGroup(site: string, group: string): Promise<void>;

  /** The first request stays. */
  keepAttempt(site: string, attempt: string, request: JsonObject): Promise<AttemptRecord>;
  /** The first one stays. */
  keepStop(site: string, attempt: string, stop: JsonObject): Promise<AttemptRecord>;
  /** The first one stays. @returns `false` where there was one */
  keepOutcome(site: string, attempt: string, outcome: JsonObject): Promise<boolean>;
  keepTasks(
    site: string,
    tasks: readonly { readonly attempt: string; readonly taskId: string }[],
  ): Promise<void>;
  endTask(taskId: string, how: string): Promise<void>;
  findAttempts(attempts: readonly string[]): Promise<readonly AttemptRecord[]>;
  /** Tasks that have no end yet, of attempts that have no outcome. */
  openTasks(
    site: string,
  ): Promise<readonly { readonly attempt: string; readonly taskId: string; readonly submittedAt: Date }[]>;
  /** Names of the attempts of a site that have an outcome or were stopped, so long ago. */
  endedAttempts(site: string, before: Date): Promise<readonly string[]>;
  forgetAttempts(attempts: readonly string[]): Promise<void>;

  /** Bytes of a study's file. */
  readFile(sha256: string): Promise<Uint8Array>;
}
