import { execFileSync, spawn } from 'node:child_process';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Installation, until } from '../support/installation';
import { PbsStandIn } from '../support/pbs-stand-in';

/* logs, clean and doctor at a PBS site, as a person meets them. */

const bin = resolve(__dirname, '..', '..', 'bin', 'perdure');

let pbs: PbsStandIn;
let installation: Installation;
let work: string;

beforeAll(async () => {
  pbs = await PbsStandIn.start({ cpusPerNode: 64, killDelaySeconds: 1 });
  installation = new Installation();
  work = join(installation.folder, 'at the site');
  const cluster = { scheduler: 'pbs', transport: { type: 'local' }, working_dir: work, pbs_bin: pbs.bin };
  const master = { type: 'openssh', host: '127.0.0.1', control_path: join(installation.folder, 'no-master') };
  const sites = {
    local: { scheduler: 'local', slots: 4 },
    cluster: { ...cluster, walltime: '00:10:00', poll_interval: '1s' },
    away: { scheduler: 'pbs', transport: master, working_dir: '/away', poll_interval: '1s' },
  };
  writeFileSync(installation.config, JSON.stringify({ sites }));
  await installation.must('up');
});
afterAll(async () => {
  await installation.must('down');
  await pbs.destroy();
  await installation.destroy();
});

/**
 * Starts a study whose trials run this script; `gate NAME` in it waits until the test opens that gate. PBS ends one process after the
 * other: a shell that outlives its `sleep` for a moment would print 'Terminated' there.
 */
async function start(
  name: string,
  script: string,
  more: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  const gate = `gate() { while [ ! -e '${installation.folder}'/$1 ]; do sleep 0.1; done; } 2>/dev/null\n`;
  installation.write(`${name}.sh`, gate + script);
  const study = {
    name,
    objective: { metric: 'value', direction: 'minimize' },
    space: { x: { type: 'float', low: 0, high: 1 } },
    sampler: { type: 'random', seed: 1 },
    trial: { command: ['sh', `${name}.sh`], files: [`${name}.sh`] },
    budget: { trials: 1, parallel: 1 },
    sites: ['cluster'],
    ...more,
  };
  await installation.must('start', installation.write(`${name}.yaml`, JSON.stringify(study)));
}

const open = (gate: string): string => installation.write(gate, '');

async function untilPrinted(study: string, text: string, number = '0'): Promise<void> {
  await until(`trial ${number} of ${study} has printed ${text}`, async () => {
    const { stdout } = await installation.perdure('logs', study, number);
    return stdout.includes(text);
  });
}

async function finish(name: string, ...gates: readonly string[]): Promise<void> {
  gates.forEach(open);
  await installation.must('watch', name);
}

test('logs: the output of a trial at a site, whole or its last lines; --follow goes on to its end', async () => {
  await start(
    'printing',
    'echo one; echo two; gate printing-go; printf "three\\nfour"; echo 1 >"$PERDURE_RESULT"',
  );
  await untilPrinted('printing', 'two');
  const following = installation.perdure('logs', 'printing', '0', '--follow');
  open('printing-go');
  expect(await following).toEqual({ code: 0, stdout: 'one\ntwo\nthree\nfour', stderr: '' });
  expect(await installation.must('logs', 'printing', '0', '--lines', '2')).toBe('three\nfour');
  expect(await installation.must('logs', 'printing', '0', '--lines', '99', '--follow')).toBe(
    'one\ntwo\nthree\nfour',
  );
});

test('logs: a trial that waits, one that is not there, an attempt that is not there', async () => {
  await start('waiting', 'gate waiting-go; echo 1 >"$PERDURE_RESULT"', {
    enqueue: [{ x: 0.1 }, { x: 0.2 }],
    budget: { trials: 2, parallel: 1 },
  });
  await until('trial 0 runs', async () => (await installation.perdure('logs', 'waiting', '0')).code === 0);
  expect(await installation.perdure('logs', 'waiting', '0')).toMatchObject({
    stdout: '',
    stderr: 'trial 0 has printed nothing yet\n',
  });
  const waiting = await installation.perdure('logs', 'waiting', '1');
  expect(waiting).toMatchObject({ code: 2, stderr: expect.stringContaining('has not begun yet') as string });
  const left = await installation.perdure('logs', 'waiting', '1', '--follow', {
    interruptAt: /waits for its turn/,
  });
  expect(left).toMatchObject({ code: 0, stdout: '' });
  const missing = await installation.perdure('logs', 'waiting', '7');
  expect(missing).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("'waiting' has no trial 7") as string,
  });
  const attempt = await installation.perdure('logs', 'waiting', '0', '--attempt', '3');
  expect(attempt).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('it has 1 (at cluster)') as string,
  });
  expect(await installation.perdure('logs', 'waiting', '0', '--lines', '0')).toMatchObject({ code: 2 });
  expect((await installation.perdure('logs', 'nothing', '0')).stderr).toContain(
    "there is no study 'nothing'",
  );
  await finish('waiting', 'waiting-go');
});

test('logs: --follow goes from a lost attempt to the next; --attempt has either', async () => {
  await start(
    'losing',
    'echo "attempt $PERDURE_ATTEMPT"; gate "losing-go-$PERDURE_ATTEMPT"; echo 1 >"$PERDURE_RESULT"',
  );
  await untilPrinted('losing', 'attempt 1');
  const follows = new AbortController();
  const onOutput = (): void => {
    follows.abort();
  };
  const following = installation.perdure('logs', 'losing', '0', '--follow', { onOutput });
  await until('it follows the first attempt', () => follows.signal.aborted);
  const job = pbs.jobs().find(({ state }) => state === 'R');
  execFileSync(join(pbs.bin, 'qdel'), [job!.id]);
  await untilPrinted('losing', 'attempt 2');
  open('losing-go-2');
  const { code, stdout, stderr } = await following;
  expect({ code, stdout }).toEqual({ code: 0, stdout: 'attempt 1\nattempt 2\n' });
  expect(stderr).toContain("attempt 2, at 'cluster':");
  expect(await installation.must('logs', 'losing', '0', '--attempt', '1', '--follow')).toBe('attempt 1\n');
  expect(await installation.must('logs', 'losing', '0')).toBe('attempt 2\n');
});

test('logs: of a trial on this machine, also while no worker runs; a site far away needs one', async () => {
  await start('near', 'echo here; echo 1 >"$PERDURE_RESULT"', { sites: ['local'] });
  await start('far', 'echo there; echo 1 >"$PERDURE_RESULT"');
  await finish('near');
  await finish('far');
  await installation.kill('worker');
  expect(await installation.must('logs', 'near', '0', '--follow')).toBe('here\n');
  const far = await installation.perdure('logs', 'far', '0');
  expect(far).toMatchObject({ code: 3, stdout: '', stderr: expect.stringContaining('perdure up') as string });
  const doctor = await installation.perdure('doctor');
  expect(doctor.stdout).toMatch(/^FAIL {2}site cluster: no worker runs/m);
  await installation.must('up');
  await until(
    'the worker answers',
    async () => (await installation.perdure('logs', 'far', '0')).stdout === 'there\n',
  );
});

test('logs and doctor: a site that needs a login says what to do', async () => {
  await start('flagged', 'true', { sites: ['away'] });
  await until('the trial is placed', async () => {
    const { code, stderr } = await installation.perdure('logs', 'flagged', '0');
    return code === 1 && stderr.includes('the ssh master at') && stderr.includes('open it with: ssh');
  });
  const { code, stdout } = await installation.perdure('doctor');
  expect(code).toBe(1);
  expect(stdout).toMatch(/^FAIL {2}site away: login needed: .*the ssh master at.*\n +open it with: ssh /m);
  await installation.must('stop', 'flagged', '--now');
});

test('doctor: what there is at the site, and the jobs that no trial of this ledger has', async () => {
  await start('known', 'gate known-go; echo 1 >"$PERDURE_RESULT"');
  await until('its job runs', () => pbs.jobs().some(({ state }) => state === 'R'));
  const before = (await installation.perdure('doctor')).stdout;
  expect(before).toMatch(/^ok {4}site cluster: .*at the site$/m);
  expect(before).toMatch(/^ok {4}PBS of cluster: .*\d+\.\d+/m);
  expect(before).toMatch(/^ok {4}Python of cluster: Python 3/m);
  expect(before).not.toContain('jobs of cluster');
  const script = join(work, 'other.sh');
  writeFileSync(script, '#!/bin/sh\nsleep 600\n');
  const id = execFileSync(join(pbs.bin, 'qsub'), ['-N', 'pd_abcdefghijkl', script], {
    cwd: work,
    encoding: 'utf8',
  }).trim();
  writeFileSync(join(work, 'jobs', id), `${'0'.repeat(16)}/4/a1\n`);
  const { code, stdout } = await installation.perdure('doctor');
  expect(code).toBe(1);
  expect(stdout.match(/^FAIL {2}jobs of cluster: .*/gm)).toHaveLength(1);
  expect(stdout).toContain(`${id} (pd_abcdefghijkl, ${'0'.repeat(16)}/4/a1) belongs to no running trial`);
  expect(stdout).toContain(`qdel ${id}`);
  execFileSync(join(pbs.bin, 'qdel'), [id]);
  await finish('known', 'known-go');
});

test('clean: asks, says what, and removes what no running study needs', async () => {
  await start('old', 'echo 1 >"$PERDURE_RESULT"', { budget: { trials: 2, parallel: 2 } });
  await finish('old');
  await start('running', 'echo begun; gate running-go; echo 1 >"$PERDURE_RESULT"');
  await untilPrinted('running', 'begun');
  const directories = JSON.parse(await installation.must('trials', 'old', '--json')) as {
    readonly user_attrs: { readonly directory: string };
  }[];
  execFileSync('find', [work, '-exec', 'touch', '-d', '40 days ago', '{}', '+']);
  const thereStill = (): boolean => directories.every(({ user_attrs }) => existsSync(user_attrs.directory));

  const unasked = await installation.perdure('clean', 'cluster', '--older-than', '30d');
  expect(unasked).toMatchObject({ code: 2, stderr: expect.stringContaining('--yes') as string });
  const shown = await installation.must('clean', 'cluster', '--older-than', '30d', '--dry-run');
  expect(shown).toMatch(/^at cluster, older than 30d and needed by no running study:\n +\d+ trials +\d/);
  expect(await installation.must('clean', 'cluster', '--older-than', '60d', '--dry-run')).toContain(
    'nothing',
  );
  expect(await asked('n\n')).toContain('nothing was removed');
  expect(thereStill()).toBe(true);

  expect(await asked('y\n')).toMatch(/removed from cluster:\s+\d+ trials/);
  for (const { user_attrs } of directories) expect(existsSync(user_attrs.directory)).toBe(false);
  expect(readdirSync(work).filter((name) => name.startsWith('.removed-'))).toEqual([]);
  const gone = await installation.perdure('logs', 'old', '0');
  expect(gone).toMatchObject({ code: 2, stderr: expect.stringContaining('not there any more') as string });
  await finish('running', 'running-go');
  expect(JSON.parse(await installation.must('status', 'running', '--json'))).toMatchObject({
    trials: { complete: 1, failed: 0 },
  });
  const again = await installation.must('clean', 'cluster', '--older-than', '30d', '--yes');
  expect(again).toMatch(/^removed from cluster:/);
});

test.each([
  [['cluster'], 'older-than'],
  [['cluster', '--older-than', 'long'], 'Write a duration'],
  [['nowhere', '--older-than', '30d', '--yes'], "the settings have no site 'nowhere'"],
])('clean %j: is refused', async (words, why) => {
  const { code, stderr } = await installation.perdure('clean', ...words);
  expect({ code, told: stderr.includes(why) }).toEqual({ code: 2, told: true });
});

test('clean: a site on this machine needs no worker', async () => {
  await start('here', 'echo 1 >"$PERDURE_RESULT"', { sites: ['local'] });
  await finish('here');
  execFileSync('find', [join(installation.home, 'jobs'), '-exec', 'touch', '-d', '40 days ago', '{}', '+']);
  await installation.kill('worker');
  const text = await installation.must('clean', 'local', '--older-than', '30d', '--yes');
  expect(text).toMatch(/^removed from local:\n +\d+ trials? /);
  expect(await installation.perdure('logs', 'here', '0')).toMatchObject({ code: 2 });
  await installation.must('up');
});

/** What `clean` says at a terminal to somebody who answers so. */
async function asked(answer: string): Promise<string> {
  const words = [bin, 'clean', 'cluster', '--older-than', '30d'];
  const child = spawn('script', ['-qec', words.map((word) => `'${word}'`).join(' '), '/dev/null'], {
    env: { ...installation.env, TERM: 'dumb' },
    cwd: installation.folder,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let said = '';
  let answered = false;
  child.stdout.on('data', (part: Buffer) => {
    said += part.toString('utf8');
    if (answered || !said.includes('[y/N]')) return;
    answered = true;
    child.stdin.write(answer);
  });
  await new Promise((done) => child.once('close', done));
  return said;
}
