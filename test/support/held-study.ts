import { existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openStudy, type TestOptions } from '../../src/client/start-study';
import type { Session } from '../../src/client/session';
import type { StudyHandle } from '../../src/client/study-handle';
import { readStudy, type LoadedStudy } from '../../src/config';
import type { Trial } from '../../src/study/trial';
import { isAlive, parseIdentity } from '../../src/process/process-group';
import { attemptPath, studyKey } from '../../src/schedulers/job-key';
import { until, type Installation } from './installation';

/** Says that it has started, and ends when it may; its value is `x`. */
const script = `#!/bin/sh
echo >>"$GATES/starts-$PERDURE_TRIAL_NUMBER"
touch "$GATES/started-$PERDURE_TRIAL_NUMBER"
while [ ! -e "$GATES/go-$PERDURE_TRIAL_NUMBER" ] && [ ! -e "$GATES/go-all" ]; do sleep 0.05; done
[ ! -e "$GATES/fail-$PERDURE_TRIAL_NUMBER" ] || { echo "told to fail"; exit 3; }
printf '{"value": %s}' "$1" >"$PERDURE_RESULT"
`;

/** A study whose trials run until the test lets them end. */
export class HeldStudy {
  private uuid: string | undefined;

  private constructor(
    readonly handle: StudyHandle,
    readonly loaded: LoadedStudy,
    private readonly gates: string,
  ) {}

  /** @param changes top-level parts of the study file */
  static async start(
    installation: Installation,
    session: Session,
    changes: Readonly<Record<string, unknown>> & { readonly name: string },
    options: TestOptions = {},
    gatesName = changes.name,
  ): Promise<HeldStudy> {
    const gates = join(installation.folder, `gates-${gatesName}`);
    mkdirSync(gates);
    installation.write('held.sh', script);
    const study = await readStudy(
      {
        objective: { metric: 'value', direction: 'minimize' },
        space: {
          x: { type: 'float', low: 0, high: 10 },
          c: { type: 'categorical', choices: ['a', 'b'] },
        },
        sampler: { type: 'random', seed: 3 },
        trial: { command: ['sh', 'held.sh', '{x}'], files: ['held.sh'], env: { GATES: gates } },
        budget: { trials: 6, parallel: 2 },
        ...changes,
      },
      { where: 'test', directory: installation.folder },
    );
    const { handle } = await openStudy(session, study, options);
    return new HeldStudy(handle, study, gates);
  }

  started(number: number): boolean {
    return existsSync(join(this.gates, `started-${String(number)}`));
  }

  async untilStarted(...numbers: readonly number[]): Promise<void> {
    for (const number of numbers)
      await until(`trial ${String(number)} has started`, () => this.started(number));
  }

  get name(): string {
    return this.handle.name;
  }

  /** How often the script of a trial began. */
  starts(number: number): number {
    const log = join(this.gates, `starts-${String(number)}`);
    return existsSync(log) ? readFileSync(log, 'utf8').split('\n').length - 1 : 0;
  }

  /** `true` while the process of an attempt at the local site runs. */
  async runs(session: Session, installation: Installation, number: number, attempt = 1): Promise<boolean> {
    // It is still known after a test has deleted the study.
    this.uuid ??= (await session.ledger.findStudy(this.name))?.perdure?.uuid;
    const key = { studyKey: studyKey(this.uuid ?? ''), number, attempt };
    // Each worker of a test may have a working directory of its own.
    const [path] = globSync(join(installation.folder, '**', attemptPath(key), '.perdure', 'pid'));
    const identity = path === undefined ? null : parseIdentity(readFileSync(path, 'utf8'));
    return identity !== null && isAlive(identity);
  }

  /** Lets trials end. */
  release(...numbers: readonly (number | 'all')[]): void {
    for (const number of numbers) writeFileSync(join(this.gates, `go-${String(number)}`), '');
  }

  /** Lets a trial end with exit status 3. */
  fail(number: number): void {
    writeFileSync(join(this.gates, `fail-${String(number)}`), '');
    this.release(number);
  }

  async trial(number: number): Promise<Trial> {
    const trial = (await this.handle.trials()).find((one) => one.number === number);
    if (trial === undefined) throw new Error(`no trial ${String(number)}`);
    return trial;
  }

  async untilEnded(number: number, timeoutMs = 60_000): Promise<Trial> {
    await until(
      `trial ${String(number)} has ended`,
      async () => {
        const all = await this.handle.trials();
        return all.some((one) => one.number === number && one.state !== 'RUNNING' && one.state !== 'WAITING');
      },
      timeoutMs,
    );
    return this.trial(number);
  }
}
