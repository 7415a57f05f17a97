import type { TrialHistory } from '../samplers/sampler';
import type { Ledger } from '../storage/ledger';
import { isFinal, type Trial } from '../study/trial';

/**
 * A worker's memory of one study's trials. It asks the ledger only for rows that are newer than what it has or were not
 * final when it looked last, so that a proposal does not get slower by reading.
 */
export class StudyHistory implements TrialHistory {
  readonly finished: Trial[] = [];
  private open = new Map<number, Trial>();
  private last = -1;
  private reading: Promise<void> | undefined;

  constructor(
    private readonly ledger: Ledger,
    private readonly study: string,
  ) {}

  get running(): readonly Trial[] {
    return [...this.open.values()].filter((trial) => trial.state === 'RUNNING');
  }

  /** Numbers of the trials that wait to be tried, in order. */
  get waiting(): readonly number[] {
    return [...this.open.values()].filter((trial) => trial.state === 'WAITING').map((trial) => trial.number);
  }

  /** The number that the next new trial gets, if nobody else adds one meanwhile. */
  get nextNumber(): number {
    return this.last + 1;
  }

  /** Takes in what has changed. Calls that overlap read one after the other. */
  async refresh(): Promise<void> {
    const before = this.reading ?? Promise.resolve();
    const mine = before.then(() => this.read());
    this.reading = mine.catch(() => undefined);
    await mine;
  }

  private async read(): Promise<void> {
    const trials = await this.ledger.readTrials(this.study, {
      after: this.last,
      numbers: [...this.open.keys()],
      // For the constraints, which a trial of Optuna's may bring at any time.
      attrs: 'system',
    });
    const open = new Map<number, Trial>();
    for (const trial of trials) {
      if (isFinal(trial.state)) this.finished.push(trial);
      else open.set(trial.number, trial);
      this.last = Math.max(this.last, trial.number);
    }
    this.open = open;
  }
}
