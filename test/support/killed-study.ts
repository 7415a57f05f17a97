import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openStudy } from '../../src/client/start-study';
import { StudyHandle } from '../../src/client/study-handle';
import { readStudy } from '../../src/config';
import type { Trial } from '../../src/study/trial';
import type { Installation } from './installation';
import { until, type Victim } from './installation';
import { loggedScript } from './killed-trials';

/** Every step of a trial and of its study, before and after. */
export const points = [
  'propose',
  'submit',
  'observe',
  'fetch',
  'record',
  'signal',
  'continue-as-new',
].flatMap((step) => [`before-${step}`, `after-${step}`]);

/** Stops a process where it has locked no file: SQLite lets nobody else write while one stands still in the midst of a transaction. */
export async function standStill(pid: number): Promise<void> {
  await until('it stands still outside a transaction', async () => {
    process.kill(pid, 'SIGSTOP');
    await until('it stands still', () => readFileSync(`/proc/${String(pid)}/stat`, 'utf8').includes(') T '));
    const locks = readFileSync('/proc/locks', 'utf8').split('\n');
    if (!locks.some((line) => line.includes(` WRITE ${String(pid)} `))) return true;
    process.kill(pid, 'SIGCONT');
    return false;
  });
}

/** A study of short trials in an installation, to be killed around. */
export class KilledStudy {
  private constructor(
    readonly installation: Installation,
    readonly name: string,
    readonly trials: number,
    private readonly logs: string,
  ) {}

  static async start(
    installation: Installation,
    name: string,
    trials: number,
    seed: number,
  ): Promise<KilledStudy> {
    const logs = join(installation.folder, `logs-${name}`);
    mkdirSync(logs);
    installation.write('trial.sh', loggedScript);
    const study = await readStudy(
      {
        name,
        objective: { metric: 'value', direction: 'minimize' },
        space: {
          seconds: { type: 'float', low: 0.2, high: 2, step: 0.1 },
          x: { type: 'int', low: 0, high: 1_000_000 },
        },
        sampler: { type: 'random', seed },
        trial: { command: ['sh', 'trial.sh', '{seconds}', '{x}'], files: ['trial.sh'], env: { LOGS: logs } },
        budget: { trials, parallel: 4 },
      },
      { where: 'test', directory: installation.folder },
    );
    const session = await installation.session();
    try {
      // A few continued runs in a short study.
      await openStudy(session, study, { continueAfterEvents: 70 });
    } finally {
      await session.close();
    }
    return new KilledStudy(installation, name, trials, logs);
  }

  async with<T>(work: (handle: StudyHandle) => Promise<T>): Promise<T> {
    const session = await this.installation.session();
    try {
      return await work(new StudyHandle(session, this.name));
    } finally {
      await session.close();
    }
  }

  ended(): number {
    return readdirSync(this.logs).filter((name) => this.log(name).includes('end')).length;
  }

  /**
   * Waits for the point, kills there, and starts again what was killed.
   * @returns `false` where the study came to its end before
   */
  async killAt(point: string, victim: Victim): Promise<boolean> {
    const { installation } = this;
    if (!(await this.reach(point))) return false;
    await installation.kill(victim);
    installation.go(point);
    await installation.must('up');
    return true;
  }

  /**
   * Waits for the point, lets whoever is there stand still until others have done its work, and then go on.
   * @returns `false` where the study came to its end before
   */
  async stallAt(point: string): Promise<boolean> {
    const { installation } = this;
    if (!(await this.reach(point))) return false;
    const pid = await installation.standing(point);
    await standStill(pid);
    installation.go(point);
    try {
      // Ten seconds until its workflow task is somebody else's, six for an activity. The server gives what comes next to its
      // open polls, too, one after the other, until they are over after about a minute.
      await sleep(11_000);
      const others = Math.min(this.ended() + 2, this.trials);
      await until('others have gone on', () => this.ended() >= others, 180_000);
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    return true;
  }

  /** Has a process stand still at the point. @returns `false` where the study came to its end before */
  private async reach(point: string): Promise<boolean> {
    const { installation } = this;
    installation.arm(point);
    await until(`${point} is hit`, () => installation.hit(point) || this.ended() >= this.trials, 120_000);
    if (installation.hit(point)) return true;
    installation.disarm(point);
    return false;
  }

  /** Waits for the study's end and says what is wrong with it. */
  async problems(timeoutMs = 180_000): Promise<readonly string[]> {
    await until(
      'the study has ended',
      () => this.with(async (handle) => (await handle.status()).state === 'complete'),
      timeoutMs,
    );
    const trials = await this.with((handle) => handle.trials());
    return [...this.ledgerProblems(trials), ...this.logProblems()];
  }

  private ledgerProblems(trials: readonly Trial[]): readonly string[] {
    const numbers = trials.map(({ number }) => number).join();
    const expected = Array.from({ length: this.trials }, (_, i) => i).join();
    const wrong = trials.flatMap(({ number, state, values, params }) =>
      state === 'COMPLETE' && values?.[0] === params['x']
        ? []
        : [`trial ${String(number)} is ${state} with ${String(values)}`],
    );
    return numbers === expected ? wrong : [`numbers are ${numbers}`, ...wrong];
  }

  private logProblems(): readonly string[] {
    const names = readdirSync(this.logs);
    const counts = names.length === this.trials ? [] : [`${String(names.length)} trials have a log`];
    const wrong = names.flatMap((name) =>
      this.log(name) === 'start 1\nend 1\n' ? [] : [`log of trial ${name}: ${this.log(name)}`],
    );
    return [...counts, ...wrong];
  }

  private log(name: string): string {
    return readFileSync(join(this.logs, name), 'utf8');
  }
}
