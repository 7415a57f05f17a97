import type { Trial } from '../study/trial';
import { lastStepOf } from './reports';

/**
 * Up to which step it was decided of each trial that it goes on. What is forgotten, with the process that keeps it, is
 * decided anew.
 */
export class Decided {
  private readonly steps = new Map<number, number>();

  /** The last step that was decided on before this look; `undefined` where none is known. */
  before(trial: Trial): number | undefined {
    const step = this.steps.get(trial.number);
    const last = lastStepOf(trial);
    // A repeated attempt begins at its first step again; and the same reports are judged again, as by Optuna.
    return step === undefined || last === undefined || last <= step ? undefined : step;
  }

  /** It goes on. */
  keep(trial: Trial): void {
    const last = lastStepOf(trial);
    if (last !== undefined) this.steps.set(trial.number, last);
  }
}
