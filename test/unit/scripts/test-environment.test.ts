import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { testEnvironment } from '../../support/test-environment';

const functions = resolve(__dirname, '../../../trial/pbs_site.sh');

let folder: string;
/** The environment of a user on a login node with a PBS client, proxies and login files. */
let outer: NodeJS.ProcessEnv;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perdure-machine-'));
  const at = (...names: readonly string[]): string => join(folder, ...names);
  for (const name of ['pbs/bin', 'user']) mkdirSync(at(name), { recursive: true });
  for (const name of ['qsub', 'other'])
    writeFileSync(at('pbs/bin', name), '#!/bin/sh\necho real\n', { mode: 0o755 });
  symlinkSync(at('missing'), at('pbs/bin/broken'));
  writeFileSync(at('pbs.conf'), `PBS_EXEC=${at('pbs')}\n`);
  for (const name of ['.profile', '.bash_profile', '.bashrc']) writeFileSync(at('user', name), 'exit 9\n');
  outer = {
    PATH: [at('pbs/bin'), process.env['PATH']].join(delimiter),
    HOME: at('user'),
    BASH_ENV: at('user/.bashrc'),
    PBS_CONF_FILE: at('pbs.conf'),
    PBS_DEFAULT: 'server',
    SLURM_CONF: at('slurm.conf'),
    SLURM_JOB_ID: '7',
    https_proxy: 'http://127.0.0.1:1',
    HTTP_PROXY: 'http://127.0.0.1:1',
    NO_PROXY: '*',
    XDG_CONFIG_HOME: at('user'),
    XDG_CACHE_HOME: at('cache'),
    TEMPORAL_ADDRESS: 'temporal.example.org:7233',
    PERDURE_HOME: at('user/perdure'),
    PERDURE_TEST_WORKERS: '2',
    GLOBUS_COMPUTE_CLIENT_SECRET: 'secret',
    PYTHONPATH: at('user'),
    SSH_AUTH_SOCK: at('agent'),
    PGHOST: 'db.example.org',
    LANG: 'C.UTF-8',
  };
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

test('tests do not see the settings of the machine and of its user', () => {
  const { PATH, ...env } = testEnvironment(outer, join(folder, 'tests'));
  expect(PATH).not.toContain(join(folder, 'pbs/bin'));
  expect(env).toEqual({
    HOME: join(folder, 'tests/home'),
    PBS_CONF_FILE: '/dev/null',
    SLURM_CONF: '/dev/null',
    LANG: 'C.UTF-8',
    PERDURE_TEST_WORKERS: '2',
    PERDURE_TEST_CACHE: join(folder, 'cache/perdure'),
    PERDURE_TEST_PROXIES: expect.stringContaining('127.0.0.1:1') as string,
  });
  // jest reads its configuration again in some processes.
  expect(testEnvironment({ ...env, PATH }, join(folder, 'tests'))).toEqual({ ...env, PATH });
});

test('a site without pbs_bin does not find the PBS client of the machine', () => {
  const find = (env: NodeJS.ProcessEnv): string =>
    execFileSync('sh', ['-c', '. "$0"; find_pbs 0; command -v other || :', functions], {
      encoding: 'utf8',
      env,
    });
  const { PATH, PBS_CONF_FILE } = outer;
  const HOME = join(folder, 'none');
  const real = `found 0 ${join(folder, 'pbs/bin')}\n`;
  expect(find({ HOME, PATH })).toContain(real);
  expect(find({ HOME, PATH: '/usr/bin:/bin', PBS_CONF_FILE })).toContain(real);
  const told = find(testEnvironment(outer, join(folder, 'tests')));
  expect(told).not.toContain(real);
  // The other programs of its directory are there.
  expect(told).toMatch(/programs\/\w+\/other\n$/);
});

test('a login shell of a test reads no login files of the user', () => {
  const run = (env: NodeJS.ProcessEnv): string =>
    execFileSync('bash', ['-lc', 'echo "$HOME"'], { encoding: 'utf8', env });
  expect(() => run(outer)).toThrow('Command failed');
  expect(run(testEnvironment(outer, join(folder, 'tests')))).toBe(`${join(folder, 'tests/home')}\n`);
});

test("pyenv's shims are replaced by the Python that they start", () => {
  const shims = join(folder, 'shims');
  mkdirSync(shims);
  const python = execFileSync('python3', ['-c', 'import sys; print(sys.executable)'], {
    encoding: 'utf8',
  }).trim();
  writeFileSync(join(shims, 'python3'), `#!/bin/sh\n# exec pyenv exec python3\nexec ${python} "$@"\n`, {
    mode: 0o755,
  });
  const env = testEnvironment({ PATH: [shims, '/bin'].join(delimiter) }, join(folder, 'tests'));
  expect(env['PATH']).toBe([join(python, '..'), '/bin'].join(delimiter));
});

test('this test run has the environment of testEnvironment()', () => {
  const cache = resolve(__dirname, '../../../node_modules/.cache/test-environment');
  expect(testEnvironment(process.env, cache)).toEqual({ ...process.env });
});
