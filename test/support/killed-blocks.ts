import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { KilledTrials } from './killed-trials';
import { SshCluster } from './ssh-cluster';

/** What can be killed with SIGKILL. `block`: every process of a job at once. */
export const victims = ['worker', 'pilot', 'sshd', 'block'] as const;
export type BlockVictim = (typeof victims)[number];

/** A study of short trials in blocks behind a real sshd, to be killed around. */
export class KilledBlocks extends KilledTrials<BlockVictim> {
  private constructor(
    private readonly cluster: SshCluster,
    trials: number,
  ) {
    super(cluster.installation, trials, cluster.folder);
  }

  static async start(trials: number): Promise<KilledBlocks> {
    const blocks = { slots_per_node: 6, max_blocks: 2, idle_timeout: '20s', pin: 'cores' };
    const study = new KilledBlocks(await SshCluster.start({ blocks }), trials);
    await study.begin(12, { sites: ['cluster'] });
    return study;
  }

  destroy(): Promise<void> {
    return this.cluster.destroy();
  }

  protected async strike(victim: BlockVictim): Promise<boolean> {
    const { cluster } = this;
    switch (victim) {
      case 'worker':
        return this.killWorker();
      case 'sshd':
        await cluster.ssh.killSessions();
        return true;
      case 'pilot': {
        const pid = this.pilots()[0];
        if (pid === undefined) return false;
        process.kill(pid, 'SIGKILL');
        return true;
      }
      case 'block': {
        const job = cluster.pbs.jobs().find(({ state }) => state === 'R');
        if (job === undefined) return false;
        cluster.pbs.crash(job.id);
        return true;
      }
    }
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
