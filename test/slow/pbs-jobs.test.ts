import { openBatch } from '../../src/client/open-batch';
import { until } from '../support/installation';
import { JobList } from '../support/job-list';
import { SshCluster } from '../support/ssh-cluster';
import { sshdAvailable } from '../support/sshd';

/* A list of jobs at a site with PBS behind a real sshd, as `npm run bench:jobs COUNT PARALLEL pbs` runs a long one. */

const testWithSshd = sshdAvailable() ? test : test.skip;
const title = (text: string): string => (sshdAvailable() ? text : `skipped: needs sshd (${text})`);

let cluster: SshCluster;
afterEach(() => cluster.destroy());

testWithSshd(
  title('a list of jobs outlives two kills of its worker in a queue that takes few at once: each runs once'),
  async () => {
    cluster = await SshCluster.start({}, { self: true, pbs: { queues: { workq: { maxJobsPerUser: 8 } } } });
    const { installation, pbs } = cluster;
    await installation.must('up');
    const list = new JobList(installation, cluster.folder, 60, (number) => number === 7);
    const session = await installation.session();
    const again = async (): Promise<void> => {
      await installation.kill('worker');
      await installation.must('up');
    };
    try {
      list.hold();
      const { jobs } = await list.load();
      const request = { kind: 'batch', name: 'sixty', site: 'cluster', jobs, parallel: 20 } as const;
      const { handle } = await openBatch(session, request, { continueAfterEvents: 150 });
      await until('it is told what jobs wait for', async () => {
        const { note } = await handle.status();
        return note?.includes("the queue takes no more jobs now: qsub: would exceed queue generic's per-user limit") === true; // prettier-ignore
      });
      await until('as many run as the queue takes', () => list.began().length === 8);
      await again();
      list.release();
      await until('half of them have begun', () => list.began().length > list.count / 2, 120_000);
      await again();
      const reports = await handle.results();
      expect(list.problems(reports)).toEqual([]);
      expect(reports.map(({ attempts }) => attempts)).toEqual(jobs.map(() => 1));
      expect(pbs.jobs()).toHaveLength(list.count);
      expect((await handle.status()).jobs).toEqual({ WAITING: 0, RUNNING: 0, COMPLETE: 59, FAIL: 1 });
      const runs = [];
      const query = "WorkflowId = 'perdure/batch/sixty'";
      for await (const run of (await session.client()).workflow.list({ query })) runs.push(run);
      expect(runs.length).toBeGreaterThan(1);
    } finally {
      await session.close();
    }
  },
);
