import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadSettings } from '../../../src/config';
import { defaultTimes, timesVariable } from '../../../src/config/times';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'perdure-settings-'));
});

afterEach(() => {
  rmSync(directory, { recursive: true });
});

function write(name: string, text: string): string {
  const file = join(directory, name);
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, text);
  return file;
}

function load(options: { config?: string; env?: NodeJS.ProcessEnv } = {}): ReturnType<typeof loadSettings> {
  return loadSettings({ cwd: directory, ...options, env: { HOME: join(directory, 'me'), ...options.env } });
}

test('without a file everything has a default', async () => {
  const home = join(directory, 'me/.local/state/perdure');
  expect(await load()).toEqual({
    file: null,
    home,
    storage: `sqlite:///${home}/ledger.db`,
    temporal: { kind: 'embedded' },
    sites: {
      local: {
        scheduler: 'local',
        slots: Math.max(16, availableParallelism()),
        workingDir: join(home, 'jobs/local'),
      },
    },
    defaultSites: ['local'],
    times: defaultTimes,
  });
});

test('files are looked for in their order', async () => {
  const user = write('me/.config/perdure/perdure.yaml', 'sites: {}');
  expect((await load()).file).toBe(user);
  const xdg = write('xdg/perdure/perdure.yaml', '');
  expect((await load({ env: { XDG_CONFIG_HOME: join(directory, 'xdg') } })).file).toBe(xdg);
  const here = write('perdure.yaml', '# nothing yet\n');
  expect((await load()).file).toBe(here);
  const named = write('named.yaml', 'temporal:\n');
  expect((await load({ env: { PERDURE_CONFIG: 'named.yaml' } })).file).toBe(named);
  const asked = write('asked.yaml', 'sites:\n');
  expect((await load({ config: asked, env: { PERDURE_CONFIG: 'named.yaml' } })).file).toBe(asked);
});

test('a file that was asked for has to exist, and is named as it was', async () => {
  await expect(load({ config: 'nope.yaml' })).rejects.toMatchObject({
    kind: 'InvalidInput',
    where: 'nope.yaml',
  });
  await expect(load({ env: { PERDURE_CONFIG: 'nope.yaml' } })).rejects.toMatchObject({ where: 'nope.yaml' });
});

test('the state directory is PERDURE_HOME, or below XDG_STATE_HOME', async () => {
  expect((await load({ env: { PERDURE_HOME: 'state' } })).home).toBe(join(directory, 'state'));
  expect((await load({ env: { XDG_STATE_HOME: '/x' } })).home).toBe('/x/perdure');
  expect((await load({ env: { XDG_STATE_HOME: 'relative' } })).home).toBe(
    join(directory, 'me/.local/state/perdure'),
  );
});

test('nothing of it can lie below /proc, where a directory is never made', async () => {
  const hint = expect.stringContaining('PERDURE_HOME') as string;
  await expect(load({ env: { PERDURE_HOME: '/proc/nowhere/state' } })).rejects.toMatchObject({
    kind: 'InvalidInput',
    message: "the state directory can't lie in /proc/nowhere/state: nothing can be kept there",
    hint,
  });
  symlinkSync('/proc/self', join(directory, 'link'));
  await expect(load({ env: { XDG_STATE_HOME: join(directory, 'link') } })).rejects.toMatchObject({ hint });
  for (const [text, where] of [
    ['storage: sqlite:////proc/a/ledger.db', '1:10'],
    ['sites: {big: {scheduler: local, working_dir: /proc/a/b}}', '1:46'],
  ]) {
    write('perdure.yaml', text!);
    await expect(load()).rejects.toMatchObject({
      where: expect.stringMatching(`:${where!}$`) as string,
      message: expect.stringContaining('nothing can be kept there') as string,
    });
  }
});

test('a relative ledger lies beside the settings file, wherever the command runs', async () => {
  const config = write('conf/perdure.yaml', 'storage: sqlite:///data/ledger.db');
  expect((await load({ config })).storage).toBe(`sqlite:///${join(directory, 'conf/data/ledger.db')}`);
  write('conf/perdure.yaml', 'storage: sqlite:////abs/ledger.db');
  expect((await load({ config })).storage).toBe('sqlite:////abs/ledger.db');
});

test('a password can come from the environment', async () => {
  write('perdure.yaml', 'storage: postgresql://me:${PASSWORD}@db:5432/x');
  expect((await load({ env: { PASSWORD: 'secret' } })).storage).toBe('postgresql://me:secret@db:5432/x');
  // Whatever is in it: it ends where the address says, and may be written as an address has it.
  for (const [password, part] of [
    ['p@s/s?w#rd 1%', 'p%40s%2Fs%3Fw%23rd%201%25'],
    ['p%40ss', 'p%40ss'],
  ]) {
    const { storage } = await load({ env: { PASSWORD: password } });
    expect(storage).toBe(`postgresql://me:${part!}@db:5432/x`);
  }
  const error: unknown = await load().catch((thrown: unknown) => thrown);
  expect(error).toHaveProperty('where', expect.stringMatching(/perdure\.yaml:1:10$/));
  expect(error).toHaveProperty('message', expect.stringContaining('PASSWORD'));
});

test('a server of your own is named by the file or by the environment of Temporal', async () => {
  const none = { profile: undefined, address: undefined, namespace: undefined };
  expect((await load({ env: { TEMPORAL_ADDRESS: 'h:7233' } })).temporal).toEqual({
    kind: 'external',
    ...none,
  });
  expect((await load({ env: { TEMPORAL_ADDRESS: '' } })).temporal).toEqual({ kind: 'embedded' });
  write('perdure.yaml', 'temporal: {address: "[::1]:7233", namespace: perdure}');
  expect((await load()).temporal).toEqual({
    ...none,
    kind: 'external',
    address: '[::1]:7233',
    namespace: 'perdure',
  });
});

test('sites have directories of their own; the local one is always there', async () => {
  write('perdure.yaml', 'sites:\n  big: {scheduler: local, slots: 9, working_dir: jobs}\n');
  const { sites, home } = await load();
  expect(sites.big).toEqual({ scheduler: 'local', slots: 9, workingDir: join(directory, 'jobs') });
  expect(sites.local?.workingDir).toBe(join(home, 'jobs/local'));
});

test('tests replace single times, and a mistake in them is refused', async () => {
  const { times } = await load();
  expect(times).toEqual(defaultTimes);
  const env = { [timesVariable]: '{"workflowTaskTimeout": 5000}' };
  expect((await load({ env })).times).toEqual({ ...defaultTimes, workflowTaskTimeout: 5000 });
  for (const [text, said] of [
    ['5000', 'expected object'],
    ['{"workflowTaskTimeout": "5s"}', 'expected number'],
    ['{"workflowTaskTimeout": 0}', '>=1'],
    ['{"taskTimeout": 5000}', '"taskTimeout"'],
    ['{', 'JSON'],
  ] as const)
    await expect(load({ env: { [timesVariable]: text } })).rejects.toMatchObject({
      kind: 'InvalidInput',
      where: timesVariable,
      message: expect.stringContaining(said) as string,
    });
});

const root = join(__dirname, '..', '..', '..');
const shown = globSync('docs/**/*.md', { cwd: root }).flatMap((page) =>
  [...readFileSync(join(root, page), 'utf8').matchAll(/<!-- settings -->\s*```yaml\n([^]*?)```/g)].map(
    ([, text = '']) => [page, text] as const,
  ),
);

test.each(shown)('the settings that %s shows load', async (_page, text) => {
  write('perdure.yaml', text);
  const { sites } = await load({ env: { PERDURE_DB_PASSWORD: 'secret' } });
  expect(sites).toHaveProperty('local');
});

test('the page of the settings and that of PBS show some', () => {
  expect(shown.map(([page]) => page)).toEqual(expect.arrayContaining(['docs/settings.md', 'docs/pbs.md']));
});
