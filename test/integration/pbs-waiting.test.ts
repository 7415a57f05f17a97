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

testWithSshd(title('status and trials show what a job waits for, as long as it waits'), async () => {
  cluster = await SshCluster.start({}, { self: true, pbs: { nodes: 1, cpusPerNode: 1 } });
  const { installation } = cluster;
  await installation.must('up');
  const session = await installation.session();
  try {
    const study = await HeldStudy.start(installation, session, {
      name: 'queue',
      budget: { trials: 2, parallel: 2 },
      sites: ['cluster'],
    });
    const status = async (): Promise<Status> =>
      JSON.parse(await installation.must('status', 'queue', '--json')) as Status;
    const row = async (number: number): Promise<string> =>
      (await installation.must('trials', 'queue'))
        .split('\n')
        .find((line) => line.startsWith(`${String(number)} `)) ?? '';
    await until('one waits and one runs', async () => waitingJobs(await status()).length === 1);
    const [waits] = waitingJobs(await status());
    expect(waits?.message).toMatch(
      /^the job is pending: Not Running: Insufficient amount of resource: ncpus/,
    );
    const number = waits?.trials[0] ?? NaN;
    expect(study.started(1 - number)).toBe(true);
    expect(await installation.must('status', 'queue')).toContain(
      `  waits   trial ${String(number)}: the job is pending: Not Running`,
    );
    expect(await row(number)).toContain('Not Running: Insufficient');
    expect(await row(1 - number)).not.toContain('Running:');

    study.release(1 - number);
    await study.untilStarted(number);
    await until('nothing waits', async () => waitingJobs(await status()).length === 0);
    expect(await row(number)).not.toContain('Running:');
    study.release('all');
    await study.handle.result();
  } finally {
    await session.close();
  }
});
