import { join } from 'node:path';
import { requestOf } from './fake-job';
import { FakeSite } from './fake-site';
import { GlobusBench } from './globus/scheduler-bench';
import { PbsBench } from './pbs-bench';
import type { SchedulerUnderTest } from './scheduler-suite';

/** Runs a suite with each of the three schedulers. */
export function atEachScheduler(suite: (site: () => SchedulerUnderTest) => void): void {
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
    suite(() => site);
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
    suite(() => site);
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
    suite(() => site);
  });
}
