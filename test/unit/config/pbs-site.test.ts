import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { loadSettings, type PbsSiteSettings } from '../../../src/config';
import { parseWalltime } from '../../../src/config/duration';
import { quote } from '../../../src/transports/quote';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'perdure-pbs-site-'));
});

afterEach(() => {
  rmSync(directory, { recursive: true });
});

/** The site `big` of a settings file, with what every site needs. */
async function site(more = '', env: NodeJS.ProcessEnv = {}): Promise<PbsSiteSettings> {
  return siteOf(
    [
      'sites:',
      '  big:',
      '    scheduler: pbs',
      ...(more.includes('transport:') ? [] : ['    transport: {type: local}']),
      ...(/^working_dir:/m.test(more) ? [] : ['    working_dir: /lus/me']),
      ...more.split('\n').map((line) => `    ${line}`),
    ].join('\n'),
    env,
  );
}

async function siteOf(text: string, env: NodeJS.ProcessEnv = {}): Promise<PbsSiteSettings> {
  const file = join(directory, 'perdure.yaml');
  writeFileSync(file, text);
  const { sites } = await loadSettings({ config: file, env: { HOME: '/home/me', ...env } });
  expect(sites.local?.scheduler).toBe('local');
  const { big } = sites;
  if (big?.scheduler !== 'pbs') throw new Error('no site of PBS');
  return big;
}

test('a site of PBS needs a transport and a working directory, and everything else has a default', async () => {
  expect(await site()).toEqual({
    scheduler: 'pbs',
    transport: { type: 'local' },
    workingDir: '/lus/me',
    account: null,
    queue: null,
    select: null,
    filesystems: null,
    walltime: null,
    directives: [],
    workerInit: '',
    pollInterval: 60_000,
    maxJobs: null,
    blocks: null,
    pbsBin: null,
  });
});

test('what the file says is there with its units', async () => {
  const text = `
account: MyProject
queue: debug
walltime: 01:00:00
select: "1"
filesystems: home:flare
directives: ["-l place=scatter", -p -100, '-W depend="afterok:1 -N"']
worker_init: |
  module load frameworks
  echo 'it''s $HOME'
poll_interval: 1s
max_jobs: 2
blocks: {slots_per_node: 12, max_blocks: 2, idle_timeout: 90s, pin: aurora_tiles}
pbs_bin: /opt/pbs/bin/`;
  expect(await site(text)).toMatchObject({
    account: 'MyProject',
    queue: 'debug',
    walltime: 3600,
    select: '1',
    filesystems: 'home:flare',
    directives: ['-l place=scatter', '-p -100', '-W depend="afterok:1 -N"'],
    workerInit: "module load frameworks\necho 'it''s $HOME'\n",
    pollInterval: 1000,
    maxJobs: 2,
    blocks: { slotsPerNode: 12, minBlocks: 0, maxBlocks: 2, idleTimeout: 90_000, pin: 'aurora_tiles' },
    pbsBin: '/opt/pbs/bin',
  });
});

test('blocks have defaults of their own', async () => {
  const { blocks } = await site('walltime: 1h\nblocks: {slots_per_node: 4}');
  expect(blocks).toEqual({ slotsPerNode: 4, minBlocks: 0, maxBlocks: 1, idleTimeout: 300_000, pin: 'none' });
});

test('ssh2 has a port, this user, the usual known hosts, and the agent where there is one', async () => {
  const agent = '/tmp/agent.sock';
  const given = 'transport: {type: ssh2, host: login.example.org}';
  const plain = {
    type: 'ssh2',
    host: 'login.example.org',
    port: 22,
    user: userInfo().username,
    knownHosts: '/home/me/.ssh/known_hosts',
  };
  expect((await site(given)).transport).toEqual(plain);
  expect((await site(given, { SSH_AUTH_SOCK: agent })).transport).toEqual({ ...plain, agent });
  expect((await site(given, { SSH_AUTH_SOCK: '' })).transport).toEqual(plain);
  const without = given.replace('}', ', agent: false}');
  expect((await site(without, { SSH_AUTH_SOCK: agent })).transport).toEqual(plain);
});

test('what ssh reads on this machine lies beside the settings or at home', async () => {
  const text =
    'transport: {type: ssh2, host: "::1", port: 2222, user: me, identity_file: ~/.ssh/id, known_hosts: hosts}';
  expect((await site(text)).transport).toEqual({
    type: 'ssh2',
    host: '::1',
    port: 2222,
    user: 'me',
    identityFile: '/home/me/.ssh/id',
    knownHosts: join(directory, 'hosts'),
  });
  expect(
    (await site('transport: {type: openssh, host: me@aurora, control_path: ~/.ssh/cm-%r@%h:%p}')).transport,
  ).toEqual({ type: 'openssh', host: 'me@aurora', controlPath: '/home/me/.ssh/cm-%r@%h:%p' });
});

test.each([
  ['/lus/with space/and "quotes"', '/lus/with space/and "quotes"'],
  ["/lus/it's/$(rm -rf x)/`id`/\\/ö🙂", "/lus/it's/$(rm -rf x)/`id`/\\/ö🙂"],
  ['/lus/-leading/../up', '/lus/-leading/../up'],
  ['/lus/me///', '/lus/me'],
  ['/lus/~me', '/lus/~me'],
  ['/', '/'],
])('the working directory %s is taken as it is, and resolved by nobody here', async (written, taken) => {
  expect((await site(`working_dir: ${JSON.stringify(written)}`)).workingDir).toBe(taken);
});

test('working_dirs holds for sites that have none of their own', async () => {
  const dirs = 'working_dirs: {pbs: /lus/all/, globus_compute: /lus/globus}';
  const without = 'sites: {big: {scheduler: pbs, transport: {type: local}}}';
  expect((await siteOf(`${dirs}\n${without}`)).workingDir).toBe('/lus/all');
  const own = without.replace('{type: local}', '{type: local}, working_dir: /lus/own');
  expect((await siteOf(`${dirs}\n${own}`)).workingDir).toBe('/lus/own');
});

test('two sites may share a directory as long as only one has blocks', async () => {
  const text = `
working_dirs: {pbs: /lus/me}
sites:
  other: {scheduler: pbs, transport: {type: local}}
  big: {scheduler: pbs, transport: {type: local}, walltime: 1h, blocks: {slots_per_node: 2}}
  far: {scheduler: pbs, transport: {type: ssh2, host: far, user: me}, walltime: 1h, blocks: {slots_per_node: 2}}`;
  expect((await siteOf(text)).workingDir).toBe('/lus/me');
});

test.each([
  ['account', 'MyProject'],
  ['account', 'a_b-c.d+e:f'],
  ['account', '_12345'],
  ['queue', 'debug-scaling'],
  ['queue', 'R123456@aurora-pbs-0001.host'],
  ['filesystems', 'home'],
  ['filesystems', 'home:flare:my_fs-2'],
  ['select', '2'],
  ['select', 'ncpus=4'],
  ['select', '2:ncpus=64:mem=100gb:system=big+1:ncpus=8:ngpus=4'],
])('the %s %s needs no quotes anywhere', async (key, text) => {
  const taken = await site(`${key}: "${text}"`);
  expect(taken).toHaveProperty(key, text);
  expect(quote(text)).toBe(text);
});

test.each([
  ['01:00:00', 3600],
  ['168:00:00', 604_800],
  ['1:02:03', 3723],
  ['90:00', 5400],
  ['00:05:00', 300],
  ['3600', 3600],
  ['1h30m', 5400],
  ['1500ms', 2],
  [300, 300],
  ['0:00:00', undefined],
  ['1:60:00', undefined],
  ['1:00:60', undefined],
  ['1:0:0', undefined],
  ['1:2:3:4', undefined],
  ['-01:00:00', undefined],
  ['', undefined],
  [0, undefined],
  [-1, undefined],
  [Infinity, undefined],
])('the walltime %j is %j seconds', (written, seconds) => {
  expect(parseWalltime(written)).toBe(seconds);
});

test('the example for Aurora loads, and says what Aurora wants', async () => {
  const root = join(__dirname, '..', '..', '..');
  const config = join(root, 'config', 'aurora.yaml');
  const { sites } = await loadSettings({ config, env: { HOME: '/home/me' } });
  expect(sites.aurora).toEqual({
    scheduler: 'pbs',
    transport: {
      type: 'ssh2',
      host: 'aurora.alcf.anl.gov',
      port: 22,
      user: 'me',
      knownHosts: '/home/me/.ssh/known_hosts',
    },
    workingDir: '/lus/flare/projects/MyProject/perdure',
    account: 'MyProject',
    queue: 'debug',
    select: '1',
    filesystems: 'home:flare',
    walltime: 3600,
    directives: ['-l place=scatter'],
    workerInit: 'module load frameworks\nexport TMPDIR=/tmp\n',
    pollInterval: 60_000,
    maxJobs: 1,
    blocks: { slotsPerNode: 12, minBlocks: 0, maxBlocks: 1, idleTimeout: 300_000, pin: 'aurora_tiles' },
    pbsBin: null,
  });
  // What is commented out there can be put in.
  const text = readFileSync(config, 'utf8');
  const file = join(directory, 'all.yaml');
  writeFileSync(
    file,
    text.replace(/^( *)# ((?:port|identity_file|known_hosts|agent|pbs_bin): .*)$/gm, '$1$2'),
  );
  const all = await loadSettings({ config: file, env: { HOME: '/home/me' } });
  expect(all.sites.aurora).toMatchObject({
    transport: { identityFile: '/home/me/.ssh/id_ed25519' },
    pbsBin: '/opt/pbs/bin',
  });
  for (const [line, instead] of text.matchAll(/^ *# (transport: \{.*\})$/gm)) {
    writeFileSync(file, text.replace(/^ {4}transport:\n( {6}.*\n)+/m, `    ${instead ?? line}\n`));
    const { sites: others } = await loadSettings({ config: file, env: { HOME: '/home/me' } });
    expect(others.aurora).toMatchObject({
      transport: { type: expect.stringMatching(/openssh|local/) as string },
    });
  }
  expect.assertions(4);
});
