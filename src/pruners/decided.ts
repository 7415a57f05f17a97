import type { Trial } from '../study/trial';
import { lastStepOf } from './reports';

/**
 * Up to which step it was decided of each trial that it goes on. What is forgotten, with the process that keeps it, is
 * decided anew.
 */
export class Decided {
  private readonly steps = new Map<number, number>();

  /**
   * Decides on a trial, and keeps that it goes on.
   * @param stops is given the last step that was decided on before this look; `undefined` where none is known
   */
  decide(trial: Trial, stops: (passed: number | undefined) => boolean): boolean {
    const stopped = stops(this.before(trial));
    if (!stopped) this.keep(trial);
    return stopped;
  }

  private before(trial: Trial): number | undefined {
    const step = this.steps.get(trial.number);
    const last = lastStepOf(trial);
    // A repeated attempt begins at its first step again; and the same reports are judged again, as by Optuna.
    return step === undefined || last === undefined || last <= step ? undefined : step;
  }

  private keep(trial: Trial): void {
    const last = lastStepOf(trial);
    if (last !== undefined) this.steps.set(trial.number, last);
  }
}
