import { chmodSync, existsSync, globSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StudyStatus } from '../../src/client/study-status';
import { until } from './installation';
import { SshCluster } from './ssh-cluster';

/** What can be killed with SIGKILL. `block`: every process of a job at once. */
export const victims = ['worker', 'pilot', 'sshd', 'block'] as const;
export type BlockVictim = (typeof victims)[number];

interface TrialJson {
  readonly number: number;
  readonly state: string;
  readonly params: { readonly x: number };
  readonly values: readonly number[] | null;
}

/** A study of short trials in blocks behind a real sshd, to be killed around. */
export class KilledBlocks {
  /** How often each was killed. */
  readonly kills: Record<BlockVictim, number> = { worker: 0, pilot: 0, sshd: 0, block: 0 };

  private constructor(
    readonly cluster: SshCluster,
    private readonly trials: number,
    private readonly logs: string,
  ) {}

  static async start(trials: number): Promise<KilledBlocks> {
    const blocks = { slots_per_node: 6, max_blocks: 2, idle_timeout: '20s', pin: 'cores' };
    const cluster = await SshCluster.start({ blocks });
    const logs = join(cluster.folder, 'logs');
    mkdirSync(logs);
    chmodSync(logs, 0o777);
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
    const study = {
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
      budget: { trials, parallel: 12 },
      sites: ['cluster'],
    };
    await installation.must('start', installation.write('study.yaml', JSON.stringify(study)));
    return new KilledBlocks(cluster, trials, logs);
  }

  ended(): number {
    return readdirSync(this.logs).filter((name) => this.log(name).includes('end')).length;
  }

  get over(): boolean {
    return this.ended() >= this.trials;
  }

  /** Kills it, if there is one now. */
  async kill(victim: BlockVictim): Promise<void> {
    const { cluster } = this;
    switch (victim) {
      case 'worker':
        await cluster.installation.kill('worker');
        await cluster.installation.must('up');
        break;
      case 'sshd':
        await cluster.ssh.killSessions();
        break;
      case 'pilot': {
        const pid = this.pilots()[0];
        if (pid === undefined) return;
        process.kill(pid, 'SIGKILL');
        break;
      }
      case 'block': {
        const job = cluster.pbs.jobs().find(({ state }) => state === 'R');
        if (job === undefined) return;
        cluster.pbs.crash(job.id);
        break;
      }
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
    const trials = JSON.parse(await installation.must('trials', 'killed', '--json')) as readonly TrialJson[];
    const numbers = trials.map(({ number }) => number).join();
    const expected = Array.from({ length: this.trials }, (_, i) => i).join();
    return [
      ...(numbers === expected ? [] : [`numbers are ${numbers}`]),
      ...trials
        .filter(({ state, values, params }) => state !== 'COMPLETE' || values?.[0] !== params.x)
        .map(({ number, state, values }) => `trial ${String(number)} is ${state} with ${String(values)}`),
      ...readdirSync(this.logs).flatMap((name) => this.repeated(name)),
    ];
  }

  /** Attempts that began or ended twice. */
  private repeated(name: string): readonly string[] {
    const lines = this.log(name).split('\n').slice(0, -1);
    const twice = lines.filter((line, i) => lines.indexOf(line) !== i);
    return twice.map((line) => `trial ${name}: '${line}' is there twice`);
  }

  private log(name: string): string {
    return readFileSync(join(this.logs, name), 'utf8');
  }

  /** Process ids of the pilots that run. */
  private pilots(): readonly number[] {
    return globSync('work/blocks/b*/pilot.json', { cwd: this.cluster.folder }).flatMap((path) => {
      const { state, pid } = JSON.parse(readFileSync(join(this.cluster.folder, path), 'utf8')) as {
        readonly state: string;
        readonly pid: number;
      };
      return state !== 'ended' && existsSync(`/proc/${String(pid)}`) ? [pid] : [];
    });
  }
}
