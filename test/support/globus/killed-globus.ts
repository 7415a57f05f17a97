import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { StudyStatus } from '../../../src/client/study-status';
import { until } from '../installation';
import { PbsStandIn } from '../pbs-stand-in';
import { Broker } from './broker';
import { GlobusCluster } from './globus-cluster';

/** What can be killed with SIGKILL: the worker, one of two endpoints' parts, or the broker between them and the service. */
export const victims = ['worker', 'user endpoint', 'manager', 'broker'] as const;
export type GlobusVictim = (typeof victims)[number];

interface TrialJson {
  readonly number: number;
  readonly state: string;
  readonly params: { readonly x: number };
  readonly values: readonly number[] | null;
  readonly user_attrs: Readonly<Record<string, unknown>>;
}

const endpoints = ['one', 'two'] as const;

/** A study of short trials on two real endpoints and a PBS site, to be killed around. */
export class KilledGlobus {
  /** How often each was killed. */
  readonly kills: Record<GlobusVictim, number> = { worker: 0, 'user endpoint': 0, manager: 0, broker: 0 };
  private turn = 0;

  private constructor(
    readonly cluster: GlobusCluster,
    private readonly pbs: PbsStandIn,
    private readonly broker: Broker,
    private readonly trials: number,
    private readonly logs: string,
  ) {}

  /** @param study more of the study's settings */
  static async start(trials: number, study: Readonly<Record<string, unknown>> = {}): Promise<KilledGlobus> {
    const broker = await Broker.start();
    const pbs = await PbsStandIn.start({ cpusPerNode: 4, killDelaySeconds: 1 });
    const cluster = await GlobusCluster.start({
      broker,
      options: Object.fromEntries(
        endpoints.map((name) => [name, { engine: 'ProcessPoolEngine', workers: 2 }]),
      ),
      sites: {
        cluster: {
          scheduler: 'pbs',
          transport: { type: 'local' },
          working_dir: join(pbs.bin, '..', 'work'),
          pbs_bin: pbs.bin,
          poll_interval: '1s',
          walltime: '00:10:00',
        },
      },
      // Its files are here too: a lost task is found in seconds, not in minutes.
      settings: { transport: { type: 'local' }, max_retries: 5 },
    });
    const logs = join(cluster.folder, 'logs');
    mkdirSync(logs);
    const { installation } = cluster;
    installation.write(
      'trial.sh',
      `log=$LOGS/$PERDURE_TRIAL_NUMBER
echo "start $PERDURE_ATTEMPT" >>"$log"
sleep "$1"
printf '{"value": %s}' "$2" >"$PERDURE_RESULT"
echo "end $PERDURE_ATTEMPT" >>"$log"
`,
    );
    const text = JSON.stringify({
      name: 'killed',
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
      budget: { trials, parallel: 6 },
      sites: [...endpoints, 'cluster'],
      ...study,
    });
    await installation.must('start', installation.write('study.yaml', text));
    return new KilledGlobus(cluster, pbs, broker, trials, logs);
  }

  ended(): number {
    return readdirSync(this.logs).filter((name) => this.log(name).includes('end')).length;
  }

  get over(): boolean {
    return this.ended() >= this.trials;
  }

  /** Kills it, and starts again after a while what does not come back by itself. */
  async kill(victim: GlobusVictim): Promise<void> {
    const { installation } = this.cluster;
    // The endpoints in turn.
    const endpoint = this.cluster.endpoint(endpoints[this.turn++ % endpoints.length] ?? 'one');
    switch (victim) {
      case 'worker':
        await installation.kill('worker');
        await installation.must('up');
        break;
      case 'user endpoint':
        if ((await endpoint.kill('user endpoint')) === 0) return;
        break;
      case 'manager':
        await endpoint.kill('manager');
        await sleep(2000);
        await endpoint.begin();
        break;
      case 'broker':
        await this.broker.kill();
        await sleep(2000);
        await this.broker.begin();
        break;
    }
    this.kills[victim] += 1;
  }

  /** Waits for the study's end and says what is wrong with it. */
  async problems(timeoutMs = 300_000): Promise<readonly string[]> {
    const { installation } = this.cluster;
    await until(
      'the study is complete',
      async () => {
        const text = await installation.must('status', 'killed', '--json');
        return (JSON.parse(text) as StudyStatus).state === 'complete';
      },
      timeoutMs,
    );
    const trials = await this.trialsInLedger();
    const numbers = trials.map(({ number }) => number).join();
    const expected = Array.from({ length: this.trials }, (_, i) => i).join();
    return [
      ...(numbers === expected ? [] : [`numbers are ${numbers}`]),
      ...trials
        .filter(({ state, values, params }) => state !== 'COMPLETE' || values?.[0] !== params.x)
        .map((trial) => `trial ${String(trial.number)} is ${JSON.stringify(trial)}`),
      ...readdirSync(this.logs).flatMap((name) => this.repeated(name)),
      ...(await this.cluster.leaks(['perdure/killed'])).map((where) => `a secret is in ${where}`),
    ];
  }

  async trialsInLedger(): Promise<readonly TrialJson[]> {
    const text = await this.cluster.installation.must('trials', 'killed', '--json');
    return JSON.parse(text) as readonly TrialJson[];
  }

  async destroy(): Promise<void> {
    await this.cluster.destroy();
    await this.pbs.destroy();
  }

  /** Attempts that began or ended twice. */
  private repeated(name: string): readonly string[] {
    const lines = this.log(name).split('\n').slice(0, -1);
    const twice = lines.filter((line, i) => lines.indexOf(line) !== i);
    const ends = lines.filter((line) => line.startsWith('end'));
    return [
      ...twice.map((line) => `trial ${name}: '${line}' is there twice`),
      ...(ends.length > 1 ? [`trial ${name} ended as ${ends.join(', ')}`] : []),
    ];
  }

  private log(name: string): string {
    return readFileSync(join(this.logs, name), 'utf8');
  }
}
