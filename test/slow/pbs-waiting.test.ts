import type { Waiting } from '../../src/study/waiting';
import { HeldStudy } from '../support/held-study';
import { until } from '../support/installation';
import { SshCluster } from '../support/ssh-cluster';
import { sshdAvailable } from '../support/sshd';

/* What PBS says of a job that waits, as a person reads it. */

const testWithSshd = sshdAvailable() ? test : test.skip;
const title = (text: string): string => (sshdAvailable() ? text : `skipped: needs sshd (${text})`);

let cluster: SshCluster;
afterEach(() => cluster.destroy());

interface Status {
  readonly waiting_for: readonly Waiting[];
}

/** The jobs that wait, of all that the study waits for. */
function waitingJobs({ waiting_for: waiting }: Status): readonly Waiting[] {
  return waiting.filter(({ kind }) => kind === 'job');
}

testWithSshd(title('a job that can never run is told of in the words of PBS'), async () => {
  cluster = await SshCluster.start({ select: '1000' }, { self: true });
  const { installation } = cluster;
  await installation.must('up');
  const session = await installation.session();
  try {
    const study = await HeldStudy.start(installation, session, {
      name: 'never',
      budget: { trials: 1, parallel: 1 },
      sites: ['cluster'],
    });
    await until('it is said', async () =>
      (await installation.must('status', 'never')).includes('Can Never Run: Insufficient amount of resource'),
    );
    await installation.must('stop', 'never', '--now');
    await study.handle.result();
    // No trial is complete, so the exit code is 1.
    const { code, stdout } = await installation.perdure('status', 'never');
    expect({ code, stdout }).toEqual({
      code: 1,
      stdout: expect.not.stringContaining('Can Never Run') as string,
    });
  } finally {
    await session.close();
  }
});

testWithSshd(
  title(
    'a trial that its queue does not take yet is told of in the words of PBS, and goes on when there is room',
  ),
  async () => {
    cluster = await SshCluster.start({}, { self: true, pbs: { queues: { workq: { maxJobsPerUser: 1 } } } });
    const { installation } = cluster;
    const words = "the queue takes no more jobs now: qsub: would exceed queue generic's per-user limit";
    await installation.must('up');
    const session = await installation.session();
    try {
      const study = await HeldStudy.start(installation, session, {
        name: 'limit',
        budget: { trials: 2, parallel: 2 },
        sites: ['cluster'],
      });
      const status = async (): Promise<Status> =>
        JSON.parse(await installation.must('status', 'limit', '--json')) as Status;
      await until('one waits', async () =>
        waitingJobs(await status()).some(({ message }) => message === words),
      );
      const [waits] = waitingJobs(await status());
      const number = waits?.trials[0] ?? NaN;
      expect(study.started(number)).toBe(false);
      expect(await installation.must('status', 'limit')).toContain(
        `  waits   trial ${String(number)}: ${words}`,
      );
      expect(await installation.must('trials', 'limit')).toContain('would exceed queue');
      // What Temporal UI shows of the activity.
      const handle = (await session.client()).workflow.getHandle(`perdure/limit/${String(number)}`);
      const { raw } = await handle.describe();
      expect(raw.pendingActivities?.map(({ lastFailure }) => lastFailure?.message)).toEqual([words]);
      expect(await installation.must('sites')).toContain(words);

      await study.untilStarted(1 - number);
      study.release(1 - number);
      await study.untilStarted(number);
      await until('nothing waits', async () => waitingJobs(await status()).length === 0);
      study.release('all');
      await study.handle.result();
      expect(cluster.pbs.jobs()).toHaveLength(2);
    } finally {
      await session.close();
    }
  },
);
