/** How a scheduler says that a job has ended. */
export type ReportedEnd =
  /** By itself, with this exit status. */
  | { readonly how: 'exited'; readonly status: number }
  /** By a signal that the scheduler did not send. `whole`: it ended the job's first process, so that nothing of the job could write. */
  | { readonly how: 'signalled'; readonly signal: number; readonly whole: boolean }
  | { readonly how: 'walltime' }
  /** It used more of something than it had asked for. */
  | { readonly how: 'limit'; readonly why: string }
  /** Deleted by a person, or by the scheduler where a node failed. `why`: the scheduler's words; may be empty. */
  | { readonly how: 'deleted'; readonly why: string }
  /** The scheduler ended it without running it, could not run it, or lost it. */
  | { readonly how: 'never_ran'; readonly why: string }
  /** Its processes are gone. `why`: the whole sentence. */
  | { readonly how: 'vanished'; readonly why: string }
  /** At another server, which did not tell how. */
  | { readonly how: 'elsewhere' };

/** Where a job is, as its scheduler says. `note`: the scheduler's words for a person; empty where it has none. */
export type JobPhase =
  | { readonly state: 'waiting'; readonly note: string }
  | { readonly state: 'running' }
  /** It has ended, and the scheduler is busy with what it left. */
  | { readonly state: 'ending'; readonly end: ReportedEnd }
  /** It will never run by itself, as after failed starts. */
  | { readonly state: 'held'; readonly note: string }
  /** At another server, which alone knows more. */
  | { readonly state: 'moved' }
  | { readonly state: 'ended'; readonly end: ReportedEnd }
  /** The scheduler answered that it does not know the job: so many times in a row. */
  | { readonly state: 'absent'; readonly times: number }
  /** A state that this version does not know. */
  | { readonly state: 'unrecognized'; readonly note: string };

/** What a scheduler said last of a job. Moments are milliseconds of the monotonic clock. */
export interface JobReport {
  readonly id: string;
  readonly phase: JobPhase;
  /** When it was first reported in this phase, without another one since. */
  readonly since: number;
  /** When it was last reported. */
  readonly at: number;
}
