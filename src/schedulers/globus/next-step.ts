import { endOfFacts, type AttemptFacts } from './attempt-facts';
import type { Patience } from './globus-site';
import type { AttemptRecord } from './journal';

/** What is known of an attempt that has no outcome yet. */
export interface OpenAttempt {
  readonly record: AttemptRecord;
  readonly facts: AttemptFacts | null;
  readonly beat: { readonly text: string; readonly since: number; readonly times: number };
  readonly overtaken: number | null;
  /** When the last failure of a task of it became known (milliseconds since the epoch). */
  readonly failedAt?: number | null;
}

export type Step =
  | { readonly do: 'wait' }
  | { readonly do: 'submit' }
  /** Nothing of it runs or can begin: the attempt is lost. */
  | { readonly do: 'lost'; readonly why: string }
  /** The attempt may still run unseen. It is lost once it has a tombstone. */
  | { readonly do: 'giveUp'; readonly why: string };

/** How often a task may find its files missing. */
const mostMissing = 5;
/** The first pause before a task that failed is submitted again (milliseconds); each further one is twice as long. */
const firstPause = 500;
const longestPause = 60_000;

/**
 * What to do about an attempt. Submitting it again is harmless whatever has become of its tasks: the fence lets one run, and the others
 * tell of it. So it is done where a task failed or may have been lost; an attempt that had begun and gives no sign of life is lost.
 */
export function nextStep(
  { record, facts, beat, overtaken, failedAt = null }: OpenAttempt,
  limits: {
    readonly maxRetries: number;
    readonly patience: Pick<Patience, 'silence' | 'overtaken' | 'look'>;
  },
  now = Date.now(),
): Step {
  const seen = facts === null ? null : endOfFacts(facts);
  if (seen?.state === 'lost') return { do: 'lost', why: seen.why };
  // What ended is read by whoever records it.
  if (seen !== null) return { do: 'wait' };
  const { silence, overtaken: patience, look } = limits.patience;
  const hasBegun = facts !== null && facts.beat !== '';
  if (hasBegun && beat.times > 1 && now - beat.since > silence)
    return { do: 'giveUp', why: silentFor(now - beat.since) };
  const { tasks, request, stop } = record;
  const last = tasks.at(-1);
  if (request === null || stop !== null || last === undefined) return { do: 'wait' };
  const times = (how: string): number => tasks.filter(({ ended }) => ended?.split(' ')[0] === how).length;
  const undelivered = times('undelivered');
  const open = tasks.filter(({ ended }) => ended === null).length + undelivered;
  if (open > 0 && hasBegun) return { do: 'wait' };
  const onceOvertaken = (): Step => {
    if (overtaken === null) return { do: 'wait' };
    // The more often, the longer: it may just be that a worker keeps it behind a long trial.
    return now - overtaken > patience * 2 ** (open - 1) ? { do: 'submit' } : { do: 'wait' };
  };
  if (last.ended === null) return onceOvertaken();
  const age = now - Math.max(last.submittedAt.getTime(), failedAt ?? 0);
  const [how = '', ...words] = last.ended.split(' ');
  switch (how) {
    case 'missing':
      if (times('missing') <= mostMissing) return { do: 'submit' };
      // One that nothing is known of may yet run.
      if (open > 0) return onceOvertaken();
      return { do: 'lost', why: 'its files do not stay at the site' };
    case 'undelivered':
      // It may yet run, so that the attempt is not lost; another task finds out.
      return age > Math.min(longestPause, firstPause * 2 ** undelivered) ? { do: 'submit' } : { do: 'wait' };
    case 'failed': {
      const failures = times('failed');
      const tooMany = failures > limits.maxRetries;
      if (tooMany && open === 0)
        return { do: 'lost', why: `the endpoint did not run it: ${words.join(' ')}` };
      if (age <= firstPause * 2 ** failures) return { do: 'wait' };
      return tooMany ? onceOvertaken() : { do: 'submit' };
    }
    default:
      // Nobody has looked yet, and one that nothing is known of may be the one that runs.
      if (open > 0 && facts === null) return onceOvertaken();
      // Another task of it has the fence; a new one asks how it is.
      return age > 2 * look.task ? { do: 'submit' } : { do: 'wait' };
  }
}

/** @param milliseconds without a sign of life */
export function silentFor(milliseconds: number): string {
  return `its worker of the endpoint has given no sign of life for ${String(Math.round(milliseconds / 1000))} s`;
}
