import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Installation } from './installation';
import { PbsStandIn } from './pbs-stand-in';

/** An installation with a local site and one with PBS on this machine. */
export class TwoSites {
  private constructor(
    readonly pbs: PbsStandIn,
    readonly folder: string,
    readonly installation: Installation,
  ) {}

  static async start(): Promise<TwoSites> {
    const folder = mkdtempSync(join(tmpdir(), 'perdure-cluster-'));
    const pbs = await PbsStandIn.start({ cpusPerNode: 64, killDelaySeconds: 1, home: folder });
    const installation = new Installation({
      sites: {
        cluster: {
          scheduler: 'pbs',
          transport: { type: 'local' },
          working_dir: join(folder, 'work'),
          pbs_bin: pbs.bin,
          poll_interval: '1s',
          walltime: '00:10:00',
          // The stand-in's nodes are names of this machine: MPICH can't log in to them.
          worker_init: 'export HYDRA_LAUNCHER=fork',
        },
      },
    });
    return new TwoSites(pbs, folder, installation);
  }

  async destroy(): Promise<void> {
    await this.installation.destroy();
    await this.pbs.destroy();
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}
