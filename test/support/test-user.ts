import { spawnSync } from 'node:child_process';
import { chownSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Which user's shell: as Debian makes it, one whose login files talk, or csh, which reads quotes in its own way. */
export type LoginShell = 'plain' | 'noisy' | 'csh';

export interface TestUser {
  readonly name: string;
  readonly home: string;
  readonly uid: number;
  readonly gid: number;
}

const banner = '*** Welcome! Maintenance on Monday. ***';

interface Kind {
  readonly user: string;
  readonly shell: string;
  /** Login files, beyond those of Debian. */
  readonly files: Readonly<Record<string, string>>;
}

const kinds: Readonly<Record<LoginShell, Kind>> = {
  plain: { user: 'perdure-test', shell: '/bin/bash', files: {} },
  noisy: {
    user: 'perdure-noisy',
    shell: '/bin/bash',
    files: {
      '.bashrc': `printf '%s' '${banner}'\nprintf '%s\\n' 'to standard error' >&2\ntrap 'echo Bye' EXIT\n`,
      '.profile': `echo '${banner}'\n`,
    },
  },
  csh: { user: 'perdure-csh', shell: '/bin/tcsh', files: { '.cshrc': `echo '${banner}'\n` } },
};

/** The user of this machine, made if need be; several processes may ask at once. Nothing removes it. */
export async function testUser(kind: LoginShell): Promise<TestUser> {
  const { user, shell, files } = kinds[kind];
  let said = '';
  for (let attempt = 0; attempt < 100 && find(user) === null; attempt++) {
    // It has no password, and is not locked: sshd refuses a locked one.
    said = spawnSync('useradd', ['-m', '-s', shell, '-p', '*', user], { encoding: 'utf8' }).stderr;
    if (find(user) === null) await sleep(100);
  }
  const found = find(user);
  if (found === null) throw new Error(`useradd ${user}: ${said}`);
  for (const [name, text] of Object.entries(files)) {
    const path = join(found.home, name);
    if (existsSync(path) && readFileSync(path, 'utf8') === text) continue;
    writeFileSync(path, text);
    chownSync(path, found.uid, found.gid);
  }
  return found;
}

function find(user: string): TestUser | null {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((each) => each.startsWith(`${user}:`));
  if (line === undefined) return null;
  const [name = '', , uid, gid, , home = ''] = line.split(':');
  return { name, home, uid: Number(uid), gid: Number(gid) };
}
