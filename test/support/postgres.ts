import { execFileSync, spawnSync } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port';

/** A PostgreSQL server of the test's own, on loopback, in a folder of its own. */
export interface PostgresServer {
  /** Address of a new, empty database. */
  createDatabase(): string;
  /** Ends it with every connection, as a crash would, and starts it again. */
  restart(): void;
  /** Stops all of its processes, so that it hangs; `resume` lets them go on. */
  pause(): void;
  resume(): void;
  stop(): void;
}

const debian = '/usr/lib/postgresql';
/** PostgreSQL does not run as root; this user is on every Debian. */
const plainUser = 'nobody';

function binaries(): string | undefined {
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : [];
  return versions
    .map((version) => join(debian, version, 'bin'))
    .find((bin) => existsSync(join(bin, 'initdb')));
}

/** The directory of the server's programs. */
export function postgresPrograms(): string {
  const bin = binaries();
  if (bin === undefined) throw new Error('skipped: needs PostgreSQL');
  return bin;
}

export function postgresAvailable(): boolean {
  return binaries() !== undefined;
}

export async function startPostgres(): Promise<PostgresServer> {
  const bin = postgresPrograms();
  const folder = mkdtempSync(join(tmpdir(), 'perdure-pg-'));
  const root = process.getuid?.() === 0;
  const run = (program: string, ...args: string[]): void => {
    const path = join(bin, program);
    const [command, words] = root ? ['runuser', ['-u', plainUser, '--', path, ...args]] : [path, args];
    const { status, stderr } = spawnSync(command, words, {
      stdio: ['ignore', 'ignore', 'pipe'],
      encoding: 'utf8',
      cwd: folder,
    });
    if (status !== 0) throw new Error(`${program} failed: ${stderr}`);
  };
  if (root) chownSync(folder, Number(execFileSync('id', ['-u', plainUser])), -1);
  const port = await freePort();
  const data = join(folder, 'data');
  run('initdb', '-D', data, '-A', 'trust', '-U', 'perdure', '-E', 'UTF8', '--no-sync');
  const settings = `-p ${String(port)} -k ${folder} -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=60`;
  const start = (): void => {
    run('pg_ctl', '-D', data, '-l', join(folder, 'log'), '-o', settings, '-w', 'start');
  };
  start();
  const signal = (name: NodeJS.Signals): void => {
    const [main = ''] = readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n');
    const children = readFileSync(`/proc/${main}/task/${main}/children`, 'utf8').trim().split(' ');
    for (const pid of [main, ...children].filter((word) => word !== '')) process.kill(Number(pid), name);
  };
  let databases = 0;
  return {
    createDatabase() {
      const name = `ledger${String(++databases)}`;
      run('createdb', '-h', '127.0.0.1', '-p', String(port), '-U', 'perdure', name);
      return `postgresql://perdure@127.0.0.1:${String(port)}/${name}`;
    },
    restart() {
      run('pg_ctl', '-D', data, '-m', 'immediate', '-w', 'stop');
      start();
    },
    pause() {
      signal('SIGSTOP');
    },
    resume() {
      signal('SIGCONT');
    },
    stop() {
      run('pg_ctl', '-D', data, '-m', 'immediate', '-w', 'stop');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
