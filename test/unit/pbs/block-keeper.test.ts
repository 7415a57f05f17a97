import { BlockKeeper } from '../../../src/schedulers/pbs/block-keeper';
import { Observer } from '../../../src/schedulers/pbs/observer';
import { usualPatience } from '../../../src/schedulers/pbs/patience';
import { SiteShell } from '../../../src/schedulers/remote/site-shell';
import { Staging } from '../../../src/schedulers/remote/staging';
import { keyOf } from '../../support/fake-job';
import { until } from '../../support/installation';
import { later } from '../../support/later';
import { plainSite } from '../../support/pbs-bench';
import { listed, notListed, ScriptedSite, type Said } from '../../support/scripted-site';

const grace = 60_000;
const blocks = { slotsPerNode: 1, minBlocks: 0, maxBlocks: 1, idleTimeout: 2000, pin: 'none' } as const;
const settings = { ...plainSite, workingDir: '/work', blocks, pbsBin: '/bin' };

afterEach(() => jest.restoreAllMocks());

/** What PBS says of the block's job, and what the block's pilot says; a test changes them. */
let job: Said;
let pilot: string;
beforeEach(() => {
  pilot = '{"state":"running","slots":1,"busy":1}';
});

function answer([name]: readonly string[]): Said {
  switch (name) {
    case 'list_blocks':
      return {
        lines: ['count 0', 'block b000001 7.pbs'],
        data: { b000001: pilot },
      };
    case 'look':
      return { lines: ['owner 7.pbs node1 1000', 'block b000001', 'looked'] };
    case 'list_jobs':
      return job;
    default:
      return { lines: ['yes'] };
  }
}

/** A site with one block; `calls` counts those of a name. */
function oneBlock(): { observer: Observer; keeper: () => BlockKeeper; calls: (name: string) => number } {
  const site = new ScriptedSite(answer);
  const { transport } = site;
  const shell = new SiteShell(transport, { ...settings, name: settings.site });
  const observer = new Observer(shell, { interval: 1000, grace, after: () => undefined });
  const staging = new Staging(shell);
  return {
    observer,
    keeper: () => new BlockKeeper(settings, blocks, transport, shell, staging, observer, usualPatience),
    calls: (name) => site.calls.filter(([called]) => called === name).length,
  };
}

test('a block that PBS does not know for a moment, however often it is asked, is not over', async () => {
  job = notListed('7.pbs');
  const { observer, keeper, calls } = oneBlock();
  const ended = async (): Promise<boolean> => {
    const one = keeper();
    one.tend();
    await one.close();
    return calls('end_block') > 0;
  };
  expect(await ended()).toBe(false);
  // As often as a cancellation asks.
  for (let i = 0; i < 4; i += 1) await observer.look(keyOf());
  expect(observer.reportOf('7.pbs')?.phase).toEqual({ state: 'absent', times: 4 });
  expect(await ended()).toBe(false);
  later(grace, 0);
  await observer.look(keyOf());
  expect(await ended()).toBe(true);
});

test('a block that PBS put back into its queue is over in time, though the clock was set back meanwhile', async () => {
  job = listed('7.pbs', 'Q');
  const { observer, keeper, calls } = oneBlock();
  const one = keeper();
  one.tend();
  await until('the blocks were looked after', () => calls('list_blocks') > 0);
  await observer.look(keyOf());
  expect(calls('end_block')).toBe(0);
  later(grace, -3_600_000);
  await observer.look(keyOf());
  one.tend();
  await one.close();
  expect(calls('end_block')).toBe(1);
});

describe('a queued block without work', () => {
  async function tendedAfter(milliseconds: number): Promise<number> {
    job = listed('7.pbs', 'Q');
    const { keeper, calls } = oneBlock();
    const one = keeper();
    one.tend();
    await until('the blocks were looked after', () => calls('list_blocks') === 1);
    later(milliseconds, 0);
    one.tend();
    await until('they were looked after again', () => calls('list_blocks') === 2);
    await one.close();
    return calls('end_block');
  }

  test('is deleted after a while', async () => {
    pilot = '';
    expect(await tendedAfter(blocks.idleTimeout)).toBe(1);
  });

  test('is kept for a moment, as the next trials may come', async () => {
    pilot = '';
    expect(await tendedAfter(blocks.idleTimeout - 1000)).toBe(0);
  });

  test('is left to end by itself once it has begun', async () => {
    pilot = '{"state":"running","slots":1,"busy":0}';
    expect(await tendedAfter(blocks.idleTimeout)).toBe(0);
  });
});
