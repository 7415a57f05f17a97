import type { Trial } from '../study/trial';

/** A trial's reported steps, ascending. */
export function stepsOf({ intermediateValues }: Trial): readonly number[] {
  return [...intermediateValues.keys()].sort((a, b) => a - b);
}

/** The largest step that a trial reported; `undefined` where it reported nothing. */
export function lastStepOf({ intermediateValues }: Trial): number | undefined {
  let last: number | undefined;
  for (const step of intermediateValues.keys()) if (last === undefined || step > last) last = step;
  return last;
}

/** The largest last step of the COMPLETE trials; `undefined` where none of them reported anything. */
export function longestRun(trials: readonly Trial[]): number | undefined {
  let longest: number | undefined;
  for (const trial of trials) {
    const last = trial.state === 'COMPLETE' ? lastStepOf(trial) : undefined;
    if (last !== undefined && (longest === undefined || last > longest)) longest = last;
  }
  return longest;
}
