import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';

/** A Temporal server built from source, and what its images have besides. */
export interface TemporalBuild {
  readonly server: string;
  readonly sqlTool: string;
  /** `docker/` of the source: the server image's entrypoint. */
  readonly docker: string;
  /** `schema/` of the source, which the admin-tools image has as `/etc/temporal/schema`. */
  readonly schema: string;
  /** Seconds that the build took; `null`: it was in the cache. */
  readonly seconds: number | null;
}

const source = 'go.temporal.io/server';
/** The tests' HOME is a folder of their own, which is deleted with node_modules. */
const home = userInfo().homedir;

export function goAvailable(): boolean {
  try {
    execFileSync('go', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/**
 * Builds this version by the Go toolchain as Temporal's Makefile does, unless the user's cache directory has it. The first build takes
 * minutes of CPU time and 2 GB of disk, most of it in Go's own caches.
 */
export function buildTemporal(version: string): TemporalBuild {
  const cache = join(process.env['PERDURE_TEST_CACHE'] ?? join(home, '.cache', 'perdure'), 'temporal-server');
  const folder = join(cache, version);
  const built = {
    server: join(folder, 'bin', 'server'),
    sqlTool: join(folder, 'bin', 'sql'),
    docker: join(folder, 'docker'),
    schema: join(folder, 'schema'),
  };
  if (existsSync(folder)) return { ...built, seconds: null };
  const began = performance.now();
  mkdirSync(cache, { recursive: true });
  const temporary = mkdtempSync(join(cache, 'build-'));
  // Tests have no proxies; the download of the modules may need them.
  const proxies = JSON.parse(process.env['PERDURE_TEST_PROXIES'] ?? '{}') as Readonly<Record<string, string>>;
  try {
    const go = (...args: readonly string[]): string =>
      execFileSync('nice', ['go', ...args], {
        cwd: temporary,
        env: {
          ...process.env,
          ...proxies,
          HOME: home,
          CGO_ENABLED: '0',
          GOBIN: join(temporary, 'bin'),
          GOFLAGS: '',
        },
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'inherit'],
        maxBuffer: 2 ** 26,
      });
    const module = JSON.parse(go('mod', 'download', '-json', `${source}@v${version}`)) as {
      readonly Dir: string;
    };
    for (const part of ['docker', 'schema'])
      cpSync(join(module.Dir, part), join(temporary, part), { recursive: true });
    const programs = ['server', 'tools/sql'].map((program) => `${source}/cmd/${program}@v${version}`);
    go('install', '-tags', 'disable_grpc_modules', ...programs);
    renameSync(temporary, folder);
  } catch (error) {
    rmSync(temporary, { recursive: true, force: true });
    throw error;
  }
  return { ...built, seconds: (performance.now() - began) / 1000 };
}
