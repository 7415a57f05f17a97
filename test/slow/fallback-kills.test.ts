import { join } from 'node:path';
import type { Session } from '../../src/client/session';
import { HeldStudy } from '../support/held-study';
import { Installation, until } from '../support/installation';
import { PbsStandIn } from '../support/pbs-stand-in';

/* kill -9 of the worker at each point of a hand-over from one site to the next. */

let pbs: PbsStandIn;
let closed: PbsStandIn;
let installation: Installation;
let session: Session;

beforeAll(async () => {
  pbs = await PbsStandIn.start({ cpusPerNode: 64, killDelaySeconds: 1 });
  closed = await PbsStandIn.start({ requireAccount: true });
  installation = new Installation({ slots: 20 });
  const site = (bin: string, name: string): object => ({
    scheduler: 'pbs',
    transport: { type: 'local' },
    pbs_bin: bin,
    poll_interval: '1s',
    walltime: '00:10:00',
    working_dir: join(installation.folder, name),
  });
  installation.configure({
    local: { scheduler: 'local', slots: 20 },
    cluster: site(pbs.bin, 'cluster'),
    closed: site(closed.bin, 'closed'),
  });
  await installation.must('up');
  session = await installation.session();
});

afterAll(async () => {
  await session.close();
  await installation.must('down').catch(() => undefined);
  await installation.destroy();
  await pbs.destroy();
  await closed.destroy();
});

test.each(['claimed', 'before-submit', 'after-submit', 'given-up'])(
  'a worker that is killed at %s in the middle of a hand-over doubles nothing',
  async (point) => {
    // A closed site accepts the placement and rejects the job.
    const sites = point === 'given-up' ? ['closed', 'local'] : ['cluster', 'local'];
    installation.arm(point);
    const budget = { trials: 3, parallel: 2 };
    const held = await HeldStudy.start(installation, session, { name: `killed-${point}`, sites, budget });
    await until(`${point} is hit`, () => installation.hit(point));
    await installation.kill('worker');
    installation.go(point);
    await installation.must('up');
    held.release('all');
    await held.handle.result();
    const trials = await held.handle.trials();
    expect(trials.map(({ number, state }) => [number, state])).toEqual([0, 1, 2].map((i) => [i, 'COMPLETE']));
    for (const { number } of trials) expect(held.starts(number)).toBe(1);
  },
);
