import { Observer } from '../../../src/schedulers/pbs/observer';
import { SiteShell } from '../../../src/schedulers/remote/site-shell';
import { keyOf } from '../../support/fake-job';
import { later } from '../../support/later';
import { listed, ScriptedSite, type Said } from '../../support/scripted-site';

const grace = 60_000;
const key = keyOf();
const block = { name: 'b000001', jobId: '7.pbs' };

/** What the site shows now; a test changes it. */
let attempt: Said;
let job: Said;

afterEach(() => jest.restoreAllMocks());

/** Lines of a trial's directory. */
function shows(...lines: readonly string[]): Said {
  return { lines: [...lines, 'looked'] };
}

function ownedBy(jobId: string, at = Date.now()): string {
  return `owner ${jobId} node1 ${String(Math.floor(at / 1000))}`;
}

function observing(): { site: ScriptedSite; observer: Observer } {
  const site = new ScriptedSite(([name]) => {
    if (name === 'look') return attempt;
    return name === 'list_jobs' ? job : {};
  });
  const shell = new SiteShell(site.transport, { name: 'cluster', workingDir: '/work', pbsBin: '/bin' });
  const observer = new Observer(shell, { interval: 3000, grace, after: () => undefined });
  return { site, observer };
}

describe('a trial in a block that ends', () => {
  const runs = shows(ownedBy('7.pbs'), 'block b000001');
  const ended = shows('status 0', 'result', ownedBy('7.pbs'), 'block b000001');

  test('its end is not undone by a slow answer from before it', async () => {
    attempt = runs;
    job = listed('7.pbs', 'F', { Exit_status: 0 });
    const { site, observer } = observing();
    observer.setBlocks([{ ...block, over: false }]);
    const slow = site.holdNext();
    const first = observer.observe(key);
    await slow.begun;
    attempt = ended;
    await observer.peek([key]);
    slow.arrive();
    expect(await first).toMatchObject({ state: 'ended', end: { how: 'exited', status: 0 } });
    observer.setBlocks([{ ...block, over: true }]);
    expect(await observer.observe(key)).toMatchObject({ state: 'ended', end: { how: 'exited', status: 0 } });
  });

  test('it is lost only when its directory was looked at long after the end of the block was known', async () => {
    attempt = runs;
    job = listed('7.pbs', 'R');
    const { observer } = observing();
    observer.setBlocks([{ ...block, over: false }]);
    expect(await observer.observe(key)).toMatchObject({ state: 'running' });
    observer.setBlocks([{ ...block, over: true }]);
    expect(await observer.observe(key)).toEqual({
      state: 'unknown',
      why: expect.stringContaining('has ended') as string,
    });
    later(grace);
    // Whoever tends the blocks reads of its end again and again.
    observer.setBlocks([{ ...block, over: true }]);
    // Nobody has looked since: it may have ended well.
    expect([...observer.open.values()]).toEqual([key]);
    expect(await observer.observe(key)).toMatchObject({ state: 'unknown', loss: { cause: 'block' } });
  });

  test('what two looks at once read of its reports is taken once', async () => {
    attempt = { ...runs, data: { reports: '{"step":0,"value":1}\n' } };
    job = listed('7.pbs', 'R');
    const { site, observer } = observing();
    const slow = site.holdNext();
    const first = observer.observe(key);
    await slow.begun;
    const slower = site.holdNext();
    const peek = observer.peek([key]);
    await slower.begun;
    slow.arrive();
    await first;
    slower.arrive();
    await peek;
    expect(observer.reports(key)).toHaveLength(1);
  });
});

describe('another job in the place of an earlier one', () => {
  const hour = 3_600_000;

  async function afterAnHour(): Promise<{ site: ScriptedSite; observer: Observer }> {
    attempt = { ...shows(ownedBy('1.pbs'), 'jobid 1.pbs'), data: { reports: '{"step":0,"value":1}\n' } };
    job = listed('1.pbs', 'R');
    const made = observing();
    made.observer.submitted(key, '1.pbs');
    await made.observer.observe(key);
    later(hour);
    return made;
  }

  /** Milliseconds for which it is said to run. */
  async function runningFor(observer: Observer): Promise<number> {
    const seen = await observer.observe(key);
    return seen.state === 'running' ? Date.now() - seen.startedAt.getTime() : Number.NaN;
  }

  test.each(['by whoever submitted it', 'by a look'])(
    'has the time that it was given, known %s',
    async (how) => {
      const { site, observer } = await afterAnHour();
      if (how !== 'by a look') observer.submitted(key, '2.pbs');
      attempt = shows(ownedBy('2.pbs'), 'jobid 2.pbs');
      job = listed('2.pbs', 'R');
      expect(await runningFor(observer)).toBeLessThan(hour / 2);
      expect(observer.reports(key)).toEqual([]);
      await observer.peek([key]);
      expect(
        site.calls
          .filter(([name]) => name === 'look')
          .at(-1)
          ?.at(-1),
      ).toBe('0');
    },
  );

  test('is not taken for the earlier one that a slow answer still shows', async () => {
    const { site, observer } = await afterAnHour();
    attempt = shows('status 3', ownedBy('1.pbs'), 'jobid 1.pbs');
    const slow = site.holdNext();
    const observed = observer.observe(key);
    await slow.begun;
    observer.submitted(key, '2.pbs');
    slow.arrive();
    expect(await observed).toEqual({ state: 'waiting' });
  });

  test.each([
    ['put back into the queue', '1.pbs'],
    ['by another name of its server', '1.pbs.example.org'],
  ])('that is the same one, %s, has begun when it began', async (_, name) => {
    const { observer } = await afterAnHour();
    observer.submitted(key, '1.pbs');
    attempt = shows(ownedBy(name), `jobid ${name}`);
    expect(await runningFor(observer)).toBeGreaterThanOrEqual(hour);
    expect(observer.reports(key)).toHaveLength(1);
  });
});

test('a job that PBS put back into its queue is lost in time, though the clock was set back meanwhile', async () => {
  attempt = shows(ownedBy('1.pbs'), 'jobid 1.pbs');
  job = listed('1.pbs', 'R');
  const { observer } = observing();
  observer.submitted(key, '1.pbs');
  expect(await observer.observe(key)).toMatchObject({ state: 'running' });
  job = listed('1.pbs', 'Q');
  const seen = await observer.look(key);
  expect(seen).toEqual({ state: 'unknown', why: expect.stringContaining('back into its queue') as string });
  later(grace, -3_600_000);
  expect(await observer.look(key)).toMatchObject({ state: 'unknown', loss: { cause: 'site' } });
});
