import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import type { SshServer } from './sshd';

const destination = ({ user, host }: SshServer): string => `${user.name}@${host}`;

/**
 * Opens a master connection as a user would, and waits until it is there. `%` tokens in the path are ssh's to expand. It may come
 * by a proxy of this very process, so it does not block it.
 */
export async function openMaster(server: SshServer, controlPath: string, port = server.port): Promise<void> {
  const options = [
    `UserKnownHostsFile=${server.knownHosts}`,
    'StrictHostKeyChecking=no',
    'IdentitiesOnly=yes',
  ];
  const args = [
    '-F',
    '/dev/null',
    '-fN',
    '-o',
    'ControlMaster=auto',
    '-S',
    controlPath,
    '-i',
    server.identityFile,
    '-p',
    String(port),
  ];
  const words = [...args, ...options.flatMap((option) => ['-o', option]), destination(server)];
  const ssh = spawn('ssh', words, { stdio: 'ignore' });
  await once(ssh, 'exit');
  if (ssh.exitCode !== 0) throw new Error(`ssh ${words.join(' ')} ended with ${String(ssh.exitCode)}`);
}

/** Ends it, if it is there. */
export function closeMaster(server: SshServer, controlPath: string): void {
  spawnSync('ssh', ['-S', controlPath, '-O', 'exit', destination(server)], {
    stdio: 'ignore',
    timeout: 10_000,
  });
}

/** The master's process id. */
export function masterPid(server: SshServer, controlPath: string): number {
  const { stderr } = spawnSync('ssh', ['-S', controlPath, '-O', 'check', destination(server)], {
    encoding: 'utf8',
  });
  const [, pid] = /pid=(\d+)/.exec(stderr) ?? [];
  if (pid === undefined) throw new Error(`no master: ${stderr}`);
  return Number(pid);
}
