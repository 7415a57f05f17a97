import { chmodSync, mkdtempSync, rmSync, writeFileSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Installation } from './installation';
import { NetworkProxy } from './network-proxy';
import type { PbsOptions } from './pbs-settings';
import { PbsStandIn } from './pbs-stand-in';
import { SshServer, type LoginMode } from './sshd';

/** A cluster behind a real sshd and a network that can fail, and an installation whose site `cluster` it is. */
export class SshCluster {
  private constructor(
    readonly ssh: SshServer,
    readonly network: NetworkProxy,
    readonly pbs: PbsStandIn,
    /** Where the site's working directory is. */
    readonly folder: string,
    readonly installation: Installation,
  ) {}

  /** @param site more of the site's settings */
  static async start(
    site: Readonly<Record<string, unknown>> = {},
    options: {
      readonly mode?: LoginMode;
      readonly self?: boolean;
      readonly pbs?: PbsOptions;
      /** Name of the site's working directory. */
      readonly workingDir?: string;
    } = {},
  ): Promise<SshCluster> {
    const { mode = 'key', self = false, workingDir = 'work' } = options;
    const ssh = await SshServer.start({ mode, self });
    const network = await NetworkProxy.start(ssh.port);
    const pbs = await PbsStandIn.start({
      cpusPerNode: 64,
      killDelaySeconds: 1,
      ...(self ? { home: ssh.folder } : {}),
      ...options.pbs,
    });
    const folder = mkdtempSync(join(tmpdir(), 'perdure-cluster-'));
    chmodSync(folder, 0o777);
    const knownHosts = join(ssh.folder, 'known_by_proxy');
    writeFileSync(
      knownHosts,
      readFileSync(ssh.knownHosts, 'utf8').replace(`:${String(ssh.port)}`, `:${String(network.port)}`),
    );
    const installation = new Installation({
      sites: {
        cluster: {
          scheduler: 'pbs',
          transport: {
            type: 'ssh2',
            host: ssh.host,
            port: network.port,
            user: ssh.user.name,
            known_hosts: knownHosts,
            ...(mode === 'passcode' ? {} : { identity_file: ssh.identityFile }),
          },
          working_dir: join(folder, workingDir),
          pbs_bin: pbs.bin,
          poll_interval: '1s',
          walltime: '00:10:00',
          ...site,
        },
      },
    });
    return new SshCluster(ssh, network, pbs, folder, installation);
  }

  async destroy(): Promise<void> {
    await this.installation.destroy();
    await this.pbs.destroy();
    await this.network.stop();
    await this.ssh.destroy();
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}
