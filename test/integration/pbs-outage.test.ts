import { until } from '../support/installation';
import { SshCluster } from '../support/ssh-cluster';
import { sshdAvailable } from '../support/sshd';

const name = (text: string): string => (sshdAvailable() ? text : `skipped: needs sshd (${text})`);
const testWithSshd = sshdAvailable() ? test : test.skip;

testWithSshd(
  name("an outage does not count against a trial's time, also where the worker is killed in its midst"),
  async () => {
    const cluster = await SshCluster.start();
    try {
      const { installation, pbs } = cluster;
      installation.write('trial.sh', 'sleep 40; echo 1 >"$PERDURE_RESULT"');
      const study = {
        name: 'long',
        objective: { metric: 'value', direction: 'minimize' },
        space: { x: { type: 'int', low: 0, high: 1000 } },
        sampler: { type: 'random', seed: 1 },
        trial: { command: ['sh', 'trial.sh'], files: ['trial.sh'], timeout: '20s', retries: 0 },
        budget: { trials: 1 },
        sites: ['cluster'],
      };
      await installation.must('start', installation.write('study.yaml', JSON.stringify(study)));
      let began = Infinity;
      const looks = (): number => pbs.commands('qstat').length;
      const lookedAt = async (times: number): Promise<void> => {
        const before = looks();
        await until('PBS was asked', () => looks() >= before + times, 60_000);
      };
      await until('it runs', () => pbs.jobs().some(({ state }) => state === 'R'));
      began = Date.now();
      await lookedAt(2);
      pbs.fault({ kind: 'down', command: 'qstat' });
      await lookedAt(2);
      await installation.kill('worker');
      await installation.must('up');
      // Past its timeout by any clock that does not stand still.
      await until('28 s are over', () => Date.now() > began + 28_000, 60_000);
      pbs.clearFaults();
      await until(
        'the study is complete',
        async () => /"state":\s*"complete"/.test(await installation.must('status', 'long', '--json')),
        60_000,
      );
      const [trial] = JSON.parse(await installation.must('trials', 'long', '--json')) as { state: string }[];
      expect(trial).toMatchObject({ state: 'COMPLETE' });
    } finally {
      await cluster.destroy();
    }
  },
);
