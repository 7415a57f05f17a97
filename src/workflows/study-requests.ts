import { ApplicationFailure, currentUpdateInfo, setHandler } from '@temporalio/workflow';
import { applyAdjustment } from '../study/adjust';
import type { Adjustment } from '../study/adjustment';
import { PerdureError } from '../study/error';
import type { Params } from '../study/space';
import { checkParams } from '../study/space-membership';
import type { StudyStateMachine } from '../study/study-state';
import type { StudyActivities, StudyRef } from './activity-types';
import {
  adjustStudy,
  cancelTrial,
  enqueueTrial,
  pauseStudy,
  resumeStudy,
  retryTrial,
  stopStudy,
} from './messages';
import { goneMessage } from './retry';
import type { StudyHerald } from './study-herald';
import type { TrialWindow } from './trial-window';

interface TrialNumber {
  readonly number: number;
}

/** Whether requests are being carried out; the study proposes nothing meanwhile, so that a change holds for all that follows. */
export interface Requests {
  readonly idle: boolean;
  /** Does something else that changes the study after the earlier ones, as if a person had asked for it. */
  inTurn<T>(work: () => Promise<T>): Promise<T>;
}

/**
 * Installs what people can ask of a running study. A validator refuses what can't be done before anything is recorded; a
 * handler carries it out, one after the other.
 */
export function acceptRequests(
  ref: StudyRef,
  state: StudyStateMachine,
  window: TrialWindow,
  activities: StudyActivities,
  herald: StudyHerald,
): Requests {
  let underWay = 0;
  let queue: Promise<unknown> = Promise.resolve();

  /** Runs one request after the earlier ones and wakes the study when it is through. */
  async function inTurn<T>(work: () => Promise<T>): Promise<T> {
    underWay += 1;
    const mine = queue.then(work);
    queue = mine.catch(() => undefined);
    try {
      return await mine;
    } catch (error) {
      const gone = goneMessage(error);
      if (gone !== null) state.gone(gone);
      throw refusal(error);
    } finally {
      underWay -= 1;
      window.touch();
    }
  }

  setHandler(stopStudy, ({ now }) =>
    inTurn(async () => {
      state.stop();
      if (now) await window.cancelAll();
      await herald.tell();
    }),
  );

  setHandler(
    pauseStudy,
    () => {
      state.pause();
      return inTurn(() => herald.tell());
    },
    {
      validator: () => {
        mustGoOn(state, 'pause');
      },
    },
  );

  setHandler(
    resumeStudy,
    () => {
      state.resume();
      return inTurn(() => herald.tell());
    },
    {
      validator: () => {
        mustGoOn(state, 'resume');
        if (state.state !== 'paused') throw refuse('Conflict', 'the study is not paused');
      },
    },
  );

  setHandler(
    adjustStudy,
    (adjustment) =>
      inTurn(async () => {
        state.adjust(adjustment);
        await activities.saveSpec(ref, state.specVersion, state.spec);
        return state.specVersion;
      }),
    {
      validator: (adjustment: Adjustment) => {
        refusing(() => applyAdjustment(state.spec, adjustment));
      },
    },
  );

  const enqueue = (params: Params): Promise<number> =>
    activities.enqueueTrial(ref, requestKey(), params, {}, roomToWait(state));

  setHandler(enqueueTrial, ({ params }) => inTurn(() => enqueue(params)), {
    validator: ({ params }: { readonly params: Params }) => {
      mustHaveRoom(state);
      const problems = checkParams(state.spec.space, params, { partial: true });
      if (problems.length > 0)
        throw refuse('InvalidInput', problems.map(({ message }) => message).join('; '));
    },
  });

  const retry = (number: number): Promise<number> =>
    activities.retryTrial(ref, requestKey(), number, roomToWait(state));

  setHandler(retryTrial, ({ number }) => inTurn(() => retry(number)), {
    validator: ({ number }: TrialNumber) => {
      mustBeNumber(number);
      mustHaveRoom(state);
    },
  });

  setHandler(
    cancelTrial,
    async ({ number }) => {
      // Waited for outside of the turn: the other requests, and the other trials, go on meanwhile.
      const end = state.isRunning(number) ? window.nextEnd(number) : null;
      await inTurn(async () => {
        if (end === null) await activities.cancelWaiting(ref, number);
        else await window.cancel(number);
      });
      return end === null ? 'FAIL' : (await end).state;
    },
    {
      validator: ({ number }: TrialNumber) => {
        mustBeNumber(number);
      },
    },
  );

  return {
    get idle() {
      return underWay === 0;
    },
    inTurn,
  };
}

/** The caller's own id of the update: the same for a repeated request. */
function requestKey(): string {
  const info = currentUpdateInfo();
  if (info === undefined) throw ApplicationFailure.nonRetryable('not in an update', 'Corrupt');
  return `update/${info.id}`;
}

function mustGoOn(state: StudyStateMachine, what: string): void {
  if (state.ending !== null) throw refuse('Conflict', `can't ${what}: the study is ending (${state.reason})`);
}

export function mustHaveRoom(state: StudyStateMachine): void {
  mustGoOn(state, 'add a trial');
  const { trials } = state.spec.budget;
  if (trials === null || state.budgetLeft > 0) return;
  throw refuse(
    'Conflict',
    `the budget of ${String(trials)} trials has no room for another trial`,
    `raise it from ${String(trials)} first: perdure adjust STUDY --trials ${String(trials + 1)}`,
  );
}

/** How many trials may wait at once: no more than the budget lets be tried yet. `null`: any number. */
export function roomToWait({ budgetLeft }: StudyStateMachine): number | null {
  return Number.isFinite(budgetLeft) ? budgetLeft : null;
}

function mustBeNumber(number: number): void {
  if (!Number.isSafeInteger(number) || number < 0) {
    throw refuse('InvalidInput', `a trial's number is a whole number from 0, not ${String(number)}`);
  }
}

export function refuse(kind: PerdureError['kind'], what: string, hint?: string): ApplicationFailure {
  const text = hint === undefined ? what : `${what}\n  ${hint}`;
  return ApplicationFailure.nonRetryable(text, kind);
}

function refusing(work: () => unknown): void {
  try {
    work();
  } catch (error) {
    throw refusal(error);
  }
}

/** In a handler only an ApplicationFailure fails the update; anything else would hold up the workflow. */
function refusal(error: unknown): unknown {
  if (error instanceof PerdureError) return ApplicationFailure.nonRetryable(error.text, error.kind);
  if (error instanceof Error && error.cause instanceof ApplicationFailure) {
    return ApplicationFailure.nonRetryable(error.cause.message, error.cause.type ?? 'Conflict');
  }
  return error;
}
