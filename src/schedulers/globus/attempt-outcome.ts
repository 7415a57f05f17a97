import { objectOf, type Json, type JsonObject } from '../../study/json';
import { outputOf } from '../remote/attempt-output';
import type { AttemptState, JobOutput, StopReason } from '../scheduler';
import { endOfFacts, lost, statusOf, stopOf, timeOf, type AttemptFacts } from './attempt-facts';

/*
 * The end of an attempt as the journal has it: what its task told (`status`, `result` …), or `lost` or `stopped` where no task will
 * tell of it.
 */

/** Why an attempt was ended. */
export interface Stopped {
  readonly reason: StopReason;
  readonly why: string | null;
}

/** How it ended, as the journal has it. */
export function observeOutcome(outcome: Json): AttemptState | null {
  const told = objectOf(outcome);
  if (told === null) return null;
  const { lost: why } = told;
  if (typeof why === 'string') return lost(why);
  const stopped = objectOf(told['stopped']);
  if (stopped !== null) {
    const { reason, why: words } = stopped as unknown as Stopped;
    const now = new Date();
    return {
      state: 'ended',
      end: { how: 'stopped', reason, ...(words === null ? {} : { why: words }) },
      startedAt: now,
      endedAt: now,
    };
  }
  const facts = factsOfOutcome(outcome);
  return (facts === null ? null : endOfFacts(facts)) ?? lost('its task left no word of it');
}

/** What an ended task told of its attempt, as the journal has it; `null` where it is of another kind. */
export function factsOfOutcome(outcome: Json): AttemptFacts | null {
  const told = objectOf(outcome);
  if (told === null || told['lost'] !== undefined) return null;
  return {
    gone: false,
    status: statusOf(textIn(told, 'status') ?? ''),
    settled: told['settled'] === true,
    hasResult: textIn(told, 'result') !== null,
    stop: stopOf(textIn(told, 'stop') ?? ''),
    tombstone: null,
    replacedBy: null,
    lateResult: null,
    beat: '',
    startedAt: timeOf(textIn(told, 'began')),
    endedAt: timeOf(typeof told['ended'] === 'number' ? String(told['ended']) : null),
    host: textIn(told, 'host'),
  };
}

/** What an ended task brought of its attempt. @param directory where everything is, at the site */
export function outputOfOutcome(outcome: JsonObject, directory: string): JobOutput {
  const data = new Map<string, Uint8Array>();
  for (const name of ['result', 'error', 'reports', 'tail']) {
    const text = textIn(outcome, name);
    if (text !== null) data.set(name, new TextEncoder().encode(text));
  }
  const lines = ['prune', 'seen']
    .filter((word) => outcome[word] === true)
    .map((word) => ({ word, text: '' }));
  return outputOf({ lines, data }, directory);
}

function textIn(told: JsonObject, name: string): string | null {
  const value = told[name];
  return typeof value === 'string' ? value : null;
}
