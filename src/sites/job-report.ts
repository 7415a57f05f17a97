/** How a job has ended, according to its scheduler. */
export type ReportedEnd =
  /** By itself, with this exit status. */
  | { readonly how: 'exited'; readonly status: number }
  /** By a signal that the scheduler did not send. `whole`: it killed all of the job at once, so that nothing could write a status. */
  | { readonly how: 'signalled'; readonly signal: number; readonly whole: boolean }
  | { readonly how: 'walltime' }
  /** It used more of something than it had asked for. */
  | { readonly how: 'limit'; readonly why: string }
  /** Deleted by a person, or by the scheduler after a node failed. `why`: the scheduler's words; may be empty. */
  | { readonly how: 'deleted'; readonly why: string }
  /** The scheduler ended it without running it, could not run it, or lost it. */
  | { readonly how: 'never_ran'; readonly why: string }
  /** Its processes are gone. `why`: a whole sentence for a person. */
  | { readonly how: 'vanished'; readonly why: string }
  /** It ended at another server, which did not report how. */
  | { readonly how: 'elsewhere' };

/** The state of a job, according to its scheduler. `note`: the scheduler's words for a person; empty if it gives none. */
export type JobPhase =
  | { readonly state: 'waiting'; readonly note: string }
  | { readonly state: 'running' }
  /** The program has ended, and the scheduler is cleaning up. */
  | { readonly state: 'ending'; readonly end: ReportedEnd }
  /** It will not run unless a person releases it, for example after failed starts. */
  | { readonly state: 'held'; readonly note: string }
  /** It was moved to another server; this one does not know its state. */
  | { readonly state: 'moved' }
  | { readonly state: 'ended'; readonly end: ReportedEnd }
  /** The scheduler has answered `times` times in a row that it does not know the job. */
  | { readonly state: 'absent'; readonly times: number }
  /** A state that this version does not know. */
  | { readonly state: 'unrecognized'; readonly note: string };

/** What a scheduler last said about a job. Times are milliseconds of the monotonic clock. */
export interface JobReport {
  readonly id: string;
  readonly phase: JobPhase;
  /** When the first of the reports in a row with this phase was made. */
  readonly since: number;
  /** When it was last reported. */
  readonly at: number;
}
