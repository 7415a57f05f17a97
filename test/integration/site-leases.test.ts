import { until } from '../support/installation';
import { SshCluster } from '../support/ssh-cluster';
import { sshdAvailable } from '../support/sshd';
import { WorkerProcess } from '../support/worker-process';
import type { StudyStatus } from '../../src/client/study-status';

/* A site that wants a passcode, and two workers of one state directory. */

const testWithSshd = sshdAvailable() ? test : test.skip;
const title = (text: string): string => (sshdAvailable() ? text : `skipped: needs sshd (${text})`);

let cluster: SshCluster;
const workers: WorkerProcess[] = [];
afterEach(async () => {
  for (const worker of workers.splice(0)) await worker.kill();
  await cluster.destroy();
});

testWithSshd(
  title(
    'one of two workers has the site: one passcode is enough, and the other takes over when it is killed',
  ),
  async () => {
    cluster = await SshCluster.start({}, { mode: 'passcode' });
    const { installation, ssh } = cluster;
    await installation.must('up');
    const other = await WorkerProcess.start(installation, 'other', 2);
    workers.push(other);
    await until('the other one waits', () => other.logged.includes('another worker has this site'));

    installation.write('trial.sh', 'sleep 4; echo "$1" >"$PERDURE_RESULT"');
    const study = {
      name: 'leased',
      objective: { metric: 'value', direction: 'minimize' },
      space: { x: { type: 'int', low: 0, high: 1000 } },
      sampler: { type: 'random', seed: 1 },
      trial: { command: ['sh', 'trial.sh', '{x}'], files: ['trial.sh'] },
      budget: { trials: 6, parallel: 2 },
      // With a second site, both workers have to know how the first one is.
      sites: ['cluster', 'local'],
    };
    const status = async (): Promise<StudyStatus> =>
      JSON.parse((await installation.perdure('status', 'leased', '--json')).stdout) as StudyStatus;
    const logIn = async (): Promise<void> => {
      const { code, stdout, stderr } = await installation.perdureWith(
        `${await ssh.passcode()}\n`,
        'login',
        'cluster',
      );
      expect({ code, stderr }).toMatchObject({ code: 0 });
      expect(stdout + stderr).toContain("site 'cluster' can be used");
    };
    await logIn();
    expect(ssh.attempts()).toEqual({ accepted: 1, failed: 0 });
    await installation.must('start', installation.write('study.yaml', JSON.stringify(study)));
    await until('trials run at the site', () => cluster.pbs.jobs().some(({ state }) => state === 'R'));
    await installation.kill('worker');
    await until('the other one has the site', () => other.logged.includes('this worker has the site now'));
    await until('it wants a login', async () => (await status()).login_required['cluster'] !== undefined);
    await logIn();
    await until('the study is complete', async () => (await status()).state === 'complete', 120_000);
    expect((await status()).trials).toMatchObject({ complete: 6, failed: 0 });
    expect(ssh.attempts()).toEqual({ accepted: 2, failed: 0 });
  },
);
