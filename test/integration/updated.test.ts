import { execFile } from 'node:child_process';
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { HeldStudy } from '../support/held-study';
import { Installation } from '../support/installation';

/* Perdure is updated while a worker runs in the background. */

const root = resolve(__dirname, '..', '..');
let installation: Installation;
/** An installation of the program that the test can change. */
let program: string;

beforeAll(() => {
  const transport = { type: 'ssh2', host: '127.0.0.1', port: 1, user: 'me' };
  installation = new Installation({ sites: { far: { scheduler: 'pbs', transport, working_dir: '/far' } } });
  program = join(installation.folder, 'program');
  mkdirSync(program);
  for (const part of ['bin', 'dist', 'trial', 'package.json'])
    cpSync(join(root, part), join(program, part), { recursive: true });
  for (const part of ['node_modules', '.venv']) symlinkSync(join(root, part), join(program, part));
});
afterAll(async () => {
  await installation.must('down');
  await installation.destroy();
});

/** What `perdure up` of that program says. */
async function up(env: Readonly<Record<string, string>> = {}, of = program): Promise<string> {
  const { stderr } = await promisify(execFile)(join(of, 'bin', 'perdure'), ['up'], {
    env: { ...installation.env, ...env },
    cwd: installation.folder,
  });
  return stderr;
}

function noted(): { readonly pid: number; readonly build: unknown } {
  const text = readFileSync(join(installation.home, 'worker.json'), 'utf8');
  const { identity, notes } = JSON.parse(text) as {
    readonly identity: { readonly pid: number };
    readonly notes: { readonly build: unknown };
  };
  return { pid: identity.pid, build: notes.build };
}

test.each([
  ['the compiled program', join('dist', 'worker', 'run-worker.js'), '\n// newer\n'],
  ['what it sends to sites', join('trial', 'wrapper.sh'), '\n# newer\n'],
])('`up` after an update of %s replaces the worker, and its trials go on', async (what, file, change) => {
  await up();
  expect(await up()).toBe('');
  const before = noted();
  expect(before.build).toEqual({
    version: '0.1.0',
    root: realpathSync(program),
    hash: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
  });
  await using session = await installation.session();
  const study = await HeldStudy.start(installation, session, {
    name: what,
    budget: { trials: 3, parallel: 2 },
  });
  await study.untilStarted(0, 1);

  appendFileSync(join(program, file), change);
  expect(await up()).toMatch(/^replaced the worker, as Perdure has been updated/);
  const after = noted();
  expect(after.pid).not.toBe(before.pid);
  expect(after.build).not.toEqual(before.build);
  expect(await up()).toBe('');
  expect(await study.runs(session, installation, 0)).toBe(true);

  study.release('all');
  expect(await study.handle.result()).toMatchObject({ state: 'complete', trials: { complete: 3 } });
  for (const { number, userAttrs } of await study.handle.trials()) {
    expect(userAttrs).toMatchObject({ attempts: 1 });
    expect(study.starts(number)).toBe(1);
  }
});

test('a worker keeps the ssh agent that it has, and its logins, as long as that is there', async () => {
  const [first, second] = ['one', 'two'].map((name) => installation.write(`agent-${name}`, ''));
  await up({ SSH_AUTH_SOCK: first! });
  const { pid } = noted();
  expect(await up({ SSH_AUTH_SOCK: second! })).toBe('');
  expect(await up({ SSH_AUTH_SOCK: '' })).toBe('');
  rmSync(first!);
  expect(await up({ SSH_AUTH_SOCK: '' })).toBe('');
  expect(noted().pid).toBe(pid);
  expect(await up({ SSH_AUTH_SOCK: second! })).toMatch(/^replaced the worker, as the settings have changed/);
  expect(await up({ SSH_AUTH_SOCK: second! })).toBe('');
});

test('a worker does not run in the directory of the command that started it', async () => {
  await up();
  expect(readlinkSync(`/proc/${String(noted().pid)}/cwd`)).toBe(realpathSync(installation.home));
});

test('two installations with one state directory leave each other their worker', async () => {
  await up();
  const { pid } = noted();
  const other = join(installation.folder, 'other');
  cpSync(program, other, { recursive: true, verbatimSymlinks: true });
  expect(await up({}, other)).toBe('');
  appendFileSync(join(other, 'trial', 'wrapper.sh'), '\n# other\n');
  const said = `the background worker belongs to Perdure 0.1.0 in ${realpathSync(program)}`;
  expect(await up({}, other)).toContain(said);
  expect(await up({}, other)).toContain(said);
  expect(await up()).toBe('');
  expect(noted().pid).toBe(pid);

  renameSync(program, `${program}.gone`);
  expect(await up({}, other)).toMatch(/^replaced the worker, as Perdure has been updated/);
  expect(noted().pid).not.toBe(pid);
  renameSync(`${program}.gone`, program);
});
