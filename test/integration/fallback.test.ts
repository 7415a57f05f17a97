import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Session } from '../../src/client/session';
import type { SiteChange } from '../../src/study/itinerary';
import type { Trial } from '../../src/study/trial';
import { HeldStudy } from '../support/held-study';
import { Installation, until } from '../support/installation';
import { PbsStandIn } from '../support/pbs-stand-in';

/* A study's trials and its sites: the first that takes them, another one when it does not, and never two at the same time. */

let pbs: PbsStandIn;
let closed: PbsStandIn;
let installation: Installation;
let session: Session;

beforeAll(async () => {
  pbs = await PbsStandIn.start({ cpusPerNode: 64, killDelaySeconds: 1 });
  closed = await PbsStandIn.start({ requireAccount: true });
  const site = (bin: string, more: object = {}): object => ({
    scheduler: 'pbs',
    transport: { type: 'local' },
    pbs_bin: bin,
    poll_interval: '1s',
    walltime: '00:10:00',
    ...more,
  });
  installation = new Installation({ slots: 20 });
  const work = (name: string): { working_dir: string } => ({ working_dir: join(installation.folder, name) });
  installation.configure({
    local: { scheduler: 'local', slots: 20 },
    left: { scheduler: 'local', slots: 6, ...work('left') },
    right: { scheduler: 'local', slots: 2, ...work('right') },
    cluster: site(pbs.bin, work('cluster')),
    single: site(pbs.bin, { ...work('single'), max_jobs: 1 }),
    closed: site(closed.bin, work('closed')),
    gated: site(pbs.bin, {
      ...work('gated'),
      transport: { type: 'openssh', host: 'login.example.org', control_path: '/nonexistent/master' },
    }),
  });
  await installation.must('up');
  session = await installation.session();
});

afterEach(() => {
  pbs.clearFaults();
});

afterAll(async () => {
  await session.close();
  await installation.must('down').catch(() => undefined);
  await installation.destroy();
  await pbs.destroy();
  await closed.destroy();
});

function study(name: string, sites: readonly string[], changes: object = {}): Promise<HeldStudy> {
  return HeldStudy.start(installation, session, { name, sites, ...changes });
}

async function placesOf(name: string, number: number): Promise<readonly string[]> {
  return (await session.ledger.listJobs(name, number)).map(({ site }) => site);
}

function changesOf({ userAttrs }: Trial): readonly SiteChange[] {
  return (userAttrs['site_changes'] ?? []) as unknown as readonly SiteChange[];
}

/** How often the script of a trial began, wherever. */
function starts(name: string, number: number): number {
  const log = join(installation.folder, `gates-${name}`, `starts-${String(number)}`);
  return existsSync(log) ? readFileSync(log, 'utf8').split('\n').length - 1 : 0;
}

const budget = (trials: number, parallel: number): object => ({ budget: { trials, parallel } });

test('while the first site is down trials go to the next one, with the reason, and come back with it', async () => {
  pbs.fault({ kind: 'down' });
  const held = await study('down', ['cluster', 'local'], budget(40, 1));
  await held.untilStarted(0);
  held.release(0);
  const first = await held.untilEnded(0);
  expect(first).toMatchObject({ state: 'COMPLETE', userAttrs: { site: 'local' } });
  expect(changesOf(first).at(-1)).toMatchObject({
    site: 'local',
    why: expect.stringMatching(/^cluster .*down/) as string,
  });
  pbs.clearFaults();
  let number = 1;
  await until('a trial is at the cluster again', async () => {
    await held.untilStarted(number);
    const places = await placesOf('down', number);
    held.release(number);
    if (places.at(-1) === 'cluster') return true;
    await held.untilEnded(number);
    number += 1;
    return false;
  });
  const back = await held.untilEnded(number);
  expect(back).toMatchObject({ state: 'COMPLETE', userAttrs: { site: 'cluster' } });
  await held.handle.stop({ now: true });
});

test('a site that needs a login is passed over, and the study says what to do', async () => {
  const held = await study('login', ['gated', 'local'], budget(2, 2));
  await held.untilStarted(0, 1);
  expect((await held.handle.status()).login_required['gated']).toContain('ssh -fN');
  held.release('all');
  await held.handle.result();
  for (const trial of await held.handle.trials()) {
    expect(trial).toMatchObject({ state: 'COMPLETE', userAttrs: { site: 'local' } });
    expect(changesOf(trial)).toEqual([
      { attempt: 1, site: 'local', why: expect.stringMatching(/^gated needs a login/) as string },
    ]);
  }
});

test('a site that rejects a trial hands it on, and the others of the study pass it over', async () => {
  const held = await study('rejects', ['closed', 'local'], budget(4, 1));
  held.release('all');
  await held.handle.result();
  const trials = await held.handle.trials();
  expect(trials.map(({ state, userAttrs }) => [state, userAttrs['site']])).toEqual(
    trials.map(() => ['COMPLETE', 'local']),
  );
  expect(changesOf(trials[0]!)).toEqual([
    {
      attempt: 2,
      site: 'local',
      why: expect.stringMatching(/^closed it rejects the trial: .*Account_Name is required/) as string,
    },
  ]);
  expect(changesOf(trials[3]!)).toEqual([
    {
      attempt: 1,
      site: 'local',
      why: expect.stringMatching(/^closed is not well: it rejected a trial/) as string,
    },
  ]);
  expect(closed.commands('qsub')).toHaveLength(1);
});

test('a site that is full hands trials on, and they know why', async () => {
  const held = await study('full', ['single', 'local'], budget(3, 3));
  await held.untilStarted(0, 1, 2);
  const places = await Promise.all([0, 1, 2].map(async (number) => (await placesOf('full', number)).at(-1)));
  expect(places.toSorted()).toEqual(['local', 'local', 'single']);
  held.release('all');
  await held.handle.result();
  for (const trial of await held.handle.trials()) {
    if (trial.userAttrs['site'] === 'single') expect(changesOf(trial)).toEqual([]);
    else expect(changesOf(trial).at(-1)?.why).toMatch(/^single .*full/);
  }
});

test('a job in the queue of a site that goes down stays there, and new trials go elsewhere', async () => {
  const held = await study('queued', ['cluster', 'local'], budget(2, 1));
  await held.untilStarted(0);
  expect(await placesOf('queued', 0)).toEqual(['cluster']);
  pbs.fault({ kind: 'down' });
  await held.handle.adjust({ budget: { parallel: 2 } });
  await held.untilStarted(1);
  expect((await placesOf('queued', 1)).at(-1)).toBe('local');
  held.release(1);
  await held.untilEnded(1);
  expect(await placesOf('queued', 0)).toEqual(['cluster']);
  expect((await held.trial(0)).state).toBe('RUNNING');
  pbs.clearFaults();
  held.release(0);
  expect(await held.untilEnded(0)).toMatchObject({
    state: 'COMPLETE',
    userAttrs: { site: 'cluster', attempts: 1 },
  });
  expect(starts('queued', 0)).toBe(1);
});

test('trials are divided over the sites by their free slots', async () => {
  const held = await study('spread', ['left', 'right'], { ...budget(8, 8), spread: true });
  await held.untilStarted(0, 1, 2, 3, 4, 5, 6, 7);
  held.release('all');
  await held.handle.result();
  const sites = (await held.handle.trials()).map(({ userAttrs }) => userAttrs['site']);
  expect(sites.filter((site) => site === 'left')).toHaveLength(6);
  expect(sites.filter((site) => site === 'right')).toHaveLength(2);
});

test('a running study is given other sites, and what runs stays where it is', async () => {
  const held = await study('moved', ['left'], { ...budget(3, 1) });
  await held.untilStarted(0);
  const refused = await installation.perdure('adjust', 'moved', '--sites', 'rigth,local');
  expect(refused).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("did you mean 'right'?") as string,
  });
  const twice = await installation.perdure('adjust', 'moved', '--sites', 'right,right');
  expect(twice).toMatchObject({ code: 2, stderr: expect.stringContaining('is there twice') as string });
  await installation.must('adjust', 'moved', '--sites', 'right,local', '--trials', '4');
  expect((await held.handle.read()).perdure?.spec.sites).toEqual(['right', 'local']);
  held.release('all');
  await held.handle.result();
  const sites = (await held.handle.trials()).map(({ userAttrs }) => userAttrs['site']);
  expect(sites).toEqual(['left', 'right', 'right', 'right']);
});

test('perdure sites says of each whether it takes trials, and what to do', async () => {
  pbs.fault({ kind: 'down' });
  interface Shown {
    readonly site: string;
    readonly state: string;
    readonly free: number | null;
    readonly reason: string;
  }
  const shown = async (): Promise<ReadonlyMap<string, Shown>> => {
    const all = JSON.parse(await installation.must('sites', '--json')) as readonly Shown[];
    return new Map(all.map((one) => [one.site, one]));
  };
  const sites = await shown();
  expect(sites.get('local')).toMatchObject({ scheduler: 'local', state: 'ok', free: 20, running: 0 });
  expect(sites.get('gated')).toMatchObject({ state: 'login', free: 0 });
  expect(sites.get('gated')!.reason).toContain('ssh -fN');
  expect(await installation.must('sites')).toMatch(/^gated +pbs +login/m);
  await installation.kill('worker');
  expect((await shown()).get('closed')).toMatchObject({
    reason: expect.stringMatching(/perdure up|^$/) as string,
  });
  await installation.must('up');
});

test('a worker that is killed in the middle of a hand-over doubles nothing', async () => {
  installation.arm('after-submit');
  const held = await study('killed', ['cluster', 'local'], budget(3, 2));
  await until('a worker has submitted a job', () => installation.hit('after-submit'));
  await installation.kill('worker');
  installation.go('after-submit');
  await installation.must('up');
  held.release('all');
  await held.handle.result();
  const trials = await held.handle.trials();
  expect(trials.map(({ number, state }) => [number, state])).toEqual([0, 1, 2].map((i) => [i, 'COMPLETE']));
  for (const { number } of trials) expect(starts('killed', number)).toBe(1);
});
