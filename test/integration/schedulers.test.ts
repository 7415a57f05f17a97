import { join } from 'node:path';
import { requestOf } from '../support/fake-job';
import { FakeSite } from '../support/fake-site';
import { GlobusBench } from '../support/globus/scheduler-bench';
import { PbsBench } from '../support/pbs-bench';
import { schedulerSuite, type SchedulerUnderTest } from '../support/scheduler-suite';

/* What the three schedulers have in common; what is a scheduler's own is in tests of its name. */

let site: SchedulerUnderTest;
let end: () => Promise<void>;

describe('local', () => {
  beforeAll(() => {
    const local = new FakeSite();
    site = {
      scheduler: () => Promise.resolve(local.scheduler()),
      submit: (scheduler, job) => scheduler.submit(requestOf(job)),
      path: (name) => local.path(name),
    };
    end = () => local.destroy();
  });
  afterAll(() => end());
  schedulerSuite(() => site);
});

describe('pbs', () => {
  beforeAll(async () => {
    const bench = await PbsBench.start({ pollInterval: 500 });
    site = {
      scheduler: () => Promise.resolve(bench.scheduler()),
      submit: (scheduler, job) => scheduler.submit(requestOf(job)),
      path: (name) => join(bench.folder, name),
    };
    end = () => bench.destroy();
  });
  afterAll(() => end());
  schedulerSuite(() => site);
});

describe('globus_compute', () => {
  // Each test has a service of its own: one service takes two requests a second, and no more.
  beforeEach(async () => {
    const bench = await GlobusBench.start();
    site = {
      // Workers may take their time where others load the machine.
      scheduler: () => bench.scheduler({ patience: { person: 30_000, worker: 30_000 } }),
      submit: (scheduler, job) => bench.submit(scheduler, job),
      path: (name) => join(bench.folder, name),
    };
    end = () => bench.destroy();
  });
  afterEach(() => end());
  schedulerSuite(() => site);
});
