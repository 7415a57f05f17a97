import { Context } from '@temporalio/activity';
import { ApplicationFailure, ApplicationFailureCategory } from '@temporalio/common';
import { PerdureError, type ErrorKind } from '../study/error';
import type { Json } from '../study/json';

/** Kinds that mend by themselves or by a person, so that trying again makes sense. */
const passing: ReadonlySet<ErrorKind> = new Set<ErrorKind>(['Unavailable', 'LoginRequired']);

/** What the activities under way keep for their next attempts. */
const kept = new WeakMap<Context, unknown>();

/**
 * Keeps something for the next attempt of this activity, in whichever process: it goes with the heartbeat, and costs no
 * history. A process that dies in the next seconds may take it along.
 */
export function keep(value: Json): void {
  const context = Context.current();
  kept.set(context, value);
  heartbeat(context, value);
}

/** A part of a workflow task has none: the server does not know it, and Temporal's SDK warns of each. */
function heartbeat(context: Context, value: unknown): void {
  if (!context.info.isLocal) context.heartbeat(value);
}

/** What was kept last, in this attempt or an earlier one; of any shape, and `undefined` where there is nothing. */
export function whatIsKept(context = Context.current()): unknown {
  return kept.has(context) ? kept.get(context) : context.info.heartbeatDetails;
}

/** How often a fault of the program's own is met again before it is final; the same call may have been unlucky once. */
const faultTries = 3;

/**
 * Makes an activity of a function: its domain errors become `ApplicationFailure`s whose type is the error's kind, final
 * ones not to be retried; it heartbeats every second as long as it runs, so that a killed worker is noticed.
 */
export function activity<Args extends unknown[], Result>(
  work: (...args: Args) => Promise<Result>,
): (...args: Args) => Promise<Result> {
  return async (...args) => {
    const context = Context.current();
    const beat = setInterval(() => {
      heartbeat(context, whatIsKept(context));
    }, 1000);
    try {
      return await work(...args);
    } catch (error) {
      throw asFailure(error, context.info.attempt);
    } finally {
      clearInterval(beat);
    }
  };
}

/** Not an error: "ask again after so many milliseconds". The retry is the poll; it costs no history. */
export function pending(what: string, delayMs: number): ApplicationFailure {
  return ApplicationFailure.create({
    type: 'JobPending',
    message: what,
    category: ApplicationFailureCategory.BENIGN,
    nextRetryDelay: delayMs,
  });
}

/**
 * When to ask again, in milliseconds; `undefined` for the activity's own delays. Those double, which is for services that are down.
 * Each try of many may meet the wrong worker, as the task queue has it: growing with the tries, the delays stay short until no
 * right one seems to be there.
 */
function nextDelay(error: PerdureError, attempt: number): number | undefined {
  // Asking costs nothing, as nothing is sent to the site before somebody has logged in.
  if (error.kind === 'LoginRequired') return 5000;
  return error.elsewhere ? Math.min(500 * attempt, 10_000) : undefined;
}

function asFailure(error: unknown, attempt: number): unknown {
  if (!(error instanceof PerdureError)) return error;
  const nextRetryDelay = nextDelay(error, attempt);
  return ApplicationFailure.create({
    type: error.kind,
    message: error.text,
    nonRetryable: !passing.has(error.kind),
    ...(nextRetryDelay === undefined ? {} : { nextRetryDelay }),
  });
}

/** The engine's own words for a mistake in the program, which no waiting mends. */
function isFault(error: unknown): error is Error {
  return [TypeError, RangeError, ReferenceError, SyntaxError].some((type) => error instanceof type);
}

/**
 * The work, whose faults (a `TypeError` in a sampler) end in an `Unexpected` that is not retried, after a few tries: what
 * waits for it would wait for ever.
 */
export function giveUpOnFaults<Args extends unknown[], Result>(
  work: (...args: Args) => Promise<Result>,
): (...args: Args) => Promise<Result> {
  return async (...args) => {
    try {
      return await work(...args);
    } catch (error) {
      const { attempt } = Context.current().info;
      if (!isFault(error) || attempt < faultTries) throw error;
      throw ApplicationFailure.create({
        type: 'Unexpected',
        message: `${error.name}: ${error.message} (a fault of Perdure's, met ${String(attempt)} times; the worker's log has more)`,
        nonRetryable: true,
        cause: error,
      });
    }
  };
}
