import {
  allHandlersFinished,
  makeContinueAsNewFunc,
  patched,
  workflowInfo,
  type Workflow,
} from '@temporalio/workflow';

/** Temporal ends a workflow with 51,200 events or 50 MB; with these there is room for what comes meanwhile. */
const most = { events: 20_000, bytes: 20_000_000 };

/** Continues as a new run with these arguments and this run's workflow task timeout. */
export function continueAsNewRun<F extends Workflow>(...args: Parameters<F>): Promise<never> {
  return makeContinueAsNewFunc<F>({ workflowTaskTimeout: workflowInfo().taskTimeoutMs })(...args);
}

/** How long a history is, as the server tells it with each workflow task. */
interface Length {
  readonly events: number;
  readonly bytes: number;
  /** The server suggests to go on as a new run. */
  readonly suggested: boolean;
}

function lengthNow(): Length {
  const { historyLength, historySize, continueAsNewSuggested } = workflowInfo();
  return { events: historyLength, bytes: historySize, suggested: continueAsNewSuggested };
}

/**
 * The number of events after which a workflow continues as a new run; the server suggests it at 4,096. A replay takes about 0.85 ms of
 * CPU per event (measured: 2.5 s for 2,904 events). 2,000 events take 1.7 s, which fits into a workflow task of 60 s even if the
 * machine gives the worker a thirtieth of a CPU.
 */
const maxReplayedEvents = 2000;

function isLong({ events, suggested }: Length, continueAfterEvents = maxReplayedEvents): boolean {
  return suggested || events > continueAfterEvents;
}

/** Whether it is time to go on as a new run. @param continueAfterEvents replaces {@link maxReplayedEvents}; only tests set it */
export function historyIsLong(continueAfterEvents?: number): boolean {
  return isLong(lengthNow(), continueAfterEvents);
}

/**
 * Whether somebody waits for an answer that only this run can give, as to a request to cancel something at a site that can't be
 * reached, and the history may grow meanwhile.
 */
export function waitsForAnswer({ events, bytes }: Length = lengthNow()): boolean {
  return (
    !allHandlersFinished() &&
    events < most.events &&
    bytes < most.bytes &&
    // Earlier versions began nothing until it was given.
    patched('goes-on-meanwhile')
  );
}

/**
 * The length of a history, for a workflow with local activities. One that takes longer than its workflow task has the task
 * repeated, and a replay sees all of these tasks as one, the last (sdk-core, `arch_docs/workflow_task_chunking.md`): the
 * length and the time that were read before such an activity are others then, and what was decided by them, too. So a length
 * counts only where it was read in a task whose number is sure.
 */
export class SureLength {
  private known: Length = { events: 0, bytes: 0, suggested: false };
  /** Read when no local activity was about to begin, in a task that may not be over. */
  private seen: Length | null = null;

  /** A workflow begun by an earlier version goes by what it reads at any moment, as its history has it. */
  private readonly always = !patched('sure-length');

  /** To be called before anything is decided. @param quiet no local activity begins before the next call */
  look(quiet: boolean): void {
    const now = lengthNow();
    if (this.always) {
      this.known = now;
      return;
    }
    // Another task has come, so that one was no part of a longer one.
    if (this.seen !== null && now.events > this.seen.events) this.known = this.seen;
    if (quiet) this.seen = now;
  }

  /** An activity has just answered, local or not: its answer ends whatever tasks were repeated for it. */
  answered(): void {
    if (this.always) return;
    this.known = lengthNow();
    this.seen = null;
  }

  isLong(continueAfterEvents?: number): boolean {
    return isLong(this.known, continueAfterEvents);
  }

  waitsForAnswer(): boolean {
    return waitsForAnswer(this.known);
  }
}
