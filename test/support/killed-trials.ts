import { chmodSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StudyStatus } from '../../src/client/study-status';
import { until, type Installation } from './installation';

/** A trial that says to a log of its own when it starts and ends; `$1` seconds long, with the value `$2`. */
export const loggedScript = `#!/bin/sh
log=$LOGS/$PERDURE_TRIAL_NUMBER
echo "start $PERDURE_ATTEMPT" >>"$log"
sleep "$1"
printf '{"value": %s}' "$2" >"$PERDURE_RESULT"
echo "end $PERDURE_ATTEMPT" >>"$log"
`;

/** What the command line says of a trial. */
export interface TrialJson {
  readonly number: number;
  readonly state: string;
  readonly params: { readonly x: number };
  readonly values: readonly number[] | null;
  readonly user_attrs: Readonly<Record<string, unknown>>;
}

const name = 'killed';

/** A study of short trials, started by the command line, that is killed around; what can be killed depends on its sites. */
export abstract class KilledTrials<Victim extends string> {
  private readonly counts = new Map<Victim, number>();
  private readonly logs: string;

  /** @param folder where the trials' logs are, which whoever runs them can write to */
  protected constructor(
    readonly installation: Installation,
    readonly trials: number,
    folder: string,
  ) {
    this.logs = join(folder, 'logs');
    mkdirSync(this.logs);
    chmodSync(this.logs, 0o777);
  }

  /** Kills it with SIGKILL, and starts again what does not come back by itself. @returns `false` where there is none now */
  protected abstract strike(victim: Victim): Promise<boolean>;

  /** @param study more of the study's settings; `parallel`: trials at once */
  protected async begin(parallel: number, study: Readonly<Record<string, unknown>>): Promise<void> {
    const { installation, trials, logs } = this;
    installation.write('trial.sh', loggedScript);
    const text = JSON.stringify({
      name,
      objective: { metric: 'value', direction: 'minimize' },
      space: {
        seconds: { type: 'float', low: 0.5, high: 3, step: 0.1 },
        x: { type: 'int', low: 0, high: 1_000_000 },
      },
      sampler: { type: 'random', seed: 3 },
      trial: {
        command: ['sh', 'trial.sh', '{seconds}', '{x}'],
        files: ['trial.sh'],
        env: { LOGS: logs },
        retries: 20,
      },
      budget: { trials, parallel },
      ...study,
    });
    await installation.must('start', installation.write('study.yaml', text));
  }

  /** @returns `false` where there was no such thing to be killed */
  async kill(victim: Victim): Promise<boolean> {
    if (!(await this.strike(victim))) return false;
    this.counts.set(victim, (this.counts.get(victim) ?? 0) + 1);
    return true;
  }

  /** How often each was killed. */
  get kills(): ReadonlyMap<Victim, number> {
    return this.counts;
  }

  ended(): number {
    return readdirSync(this.logs).filter((trial) => this.log(trial).includes('end')).length;
  }

  get over(): boolean {
    return this.ended() >= this.trials;
  }

  /** Waits for the study's end and says what is wrong with it. */
  async problems(timeoutMs = 300_000): Promise<readonly string[]> {
    await until('the study is complete', async () => (await this.status()).state === 'complete', timeoutMs);
    const trials = await this.inLedger();
    const numbers = trials.map(({ number }) => number).join();
    const expected = Array.from({ length: this.trials }, (_, i) => i).join();
    return [
      ...(numbers === expected ? [] : [`numbers are ${numbers}`]),
      ...trials
        .filter(({ state, values, params }) => state !== 'COMPLETE' || values?.[0] !== params.x)
        .map((trial) => `trial ${String(trial.number)} is ${JSON.stringify(trial)}`),
      ...readdirSync(this.logs).flatMap((trial) => this.twice(trial)),
    ];
  }

  async inLedger(): Promise<readonly TrialJson[]> {
    return JSON.parse(await this.installation.must('trials', name, '--json')) as readonly TrialJson[];
  }

  /** Trials that came to their end in more than one attempt: work that was done again though nothing of it was lost. */
  endedOften(): readonly string[] {
    return readdirSync(this.logs).flatMap((trial) => {
      const ends = this.lines(trial).filter((line) => line.startsWith('end'));
      return ends.length > 1 ? [`trial ${trial} ended as ${ends.join(', ')}`] : [];
    });
  }

  protected async killWorker(): Promise<true> {
    await this.installation.kill('worker');
    await this.installation.must('up');
    return true;
  }

  private async status(): Promise<StudyStatus> {
    return JSON.parse((await this.installation.perdure('status', name, '--json')).stdout) as StudyStatus;
  }

  /** Attempts that began or ended twice. */
  private twice(trial: string): readonly string[] {
    const lines = this.lines(trial);
    const again = lines.filter((line, i) => lines.indexOf(line) !== i);
    return again.map((line) => `trial ${trial}: '${line}' is there twice`);
  }

  private lines(trial: string): readonly string[] {
    return this.log(trial).split('\n').slice(0, -1);
  }

  private log(trial: string): string {
    return readFileSync(join(this.logs, trial), 'utf8');
  }
}
