import type { StudyStatus } from '../../src/client/study-status';
import { until } from '../support/installation';
import { SshCluster } from '../support/ssh-cluster';
import { sshdAvailable } from '../support/sshd';

const name = (text: string): string => (sshdAvailable() ? text : `skipped: needs sshd (${text})`);
const testWithSshd = sshdAvailable() ? test : test.skip;

let cluster: SshCluster;
afterEach(() => cluster.destroy());

interface TrialJson {
  readonly number: number;
  readonly state: string;
  readonly params: { readonly x: number };
  readonly values: readonly number[] | null;
  readonly user_attrs: Readonly<Record<string, unknown>>;
}

async function trials(study: string): Promise<readonly TrialJson[]> {
  return JSON.parse(await cluster.installation.must('trials', study, '--json')) as readonly TrialJson[];
}

async function status(study: string): Promise<StudyStatus> {
  return JSON.parse((await cluster.installation.perdure('status', study, '--json')).stdout) as StudyStatus;
}

function study(more: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({
    name: 'quick',
    objective: { metric: 'value', direction: 'minimize' },
    space: { x: { type: 'int', low: 0, high: 1000 } },
    sampler: { type: 'random', seed: 1 },
    trial: { command: ['sh', 'trial.sh', '{x}'], files: ['trial.sh'] },
    budget: { trials: 6, parallel: 3 },
    sites: ['cluster'],
    ...more,
  });
}

/** Starts the study of this script and waits for its end. */
async function run(
  script: string,
  more: Readonly<Record<string, unknown>> = {},
): Promise<readonly TrialJson[]> {
  const { installation } = cluster;
  installation.write('trial.sh', script);
  await installation.must('run', installation.write('study.yaml', study(more)));
  return trials('quick');
}

testWithSshd(name('a trial that is cut off by its walltime goes on from its checkpoint'), async () => {
  cluster = await SshCluster.start({ walltime: '00:00:06' });
  const ended = await run(
    `steps=$(cat "$PERDURE_CHECKPOINT_DIR/steps" 2>/dev/null || echo 0)
while [ "$steps" -lt 8 ]; do sleep 1; steps=$((steps + 1)); echo $steps >"$PERDURE_CHECKPOINT_DIR/steps"; done
echo "$1" >"$PERDURE_RESULT"`,
    {
      trial: { command: ['sh', 'trial.sh', '{x}'], files: ['trial.sh'], resume: true, retries: 0 },
      budget: { trials: 1 },
    },
  );
  expect(ended[0]).toMatchObject({ state: 'COMPLETE' });
  expect(Number(ended[0]!.user_attrs['attempts'])).toBeGreaterThan(1);
});

testWithSshd(
  name('a site that wants a passcode fails nothing, is flagged, and goes on after a login'),
  async () => {
    cluster = await SshCluster.start({}, { mode: 'passcode' });
    const { installation, ssh } = cluster;
    const flag = async (): Promise<string | undefined> => (await status('quick')).login_required['cluster'];
    installation.write('trial.sh', 'sleep 6; echo "$1" >"$PERDURE_RESULT"');
    await installation.must(
      'start',
      installation.write('study.yaml', study({ budget: { trials: 4, parallel: 2 } })),
    );
    await until('the site is flagged', async () => (await flag()) !== undefined);
    expect(await flag()).toContain('perdure login cluster');
    expect(ssh.attempts()).toEqual({ accepted: 0, failed: 0 });

    const wrong = await installation.perdureWith('000000\n', 'login', 'cluster');
    expect(wrong.code).not.toBe(0);
    await until('sshd has seen it', () => ssh.attempts().failed === 1);

    const first = await ssh.passcode();
    expect((await installation.perdureWith(`${first}\n`, 'login', 'cluster')).code).toBe(0);
    await until('trials run', () => cluster.pbs.jobs().some(({ state }) => state === 'R'));
    await until('the flag is gone', async () => (await flag()) === undefined);

    await ssh.killSessions();
    await until('the site is flagged again', async () => (await flag()) !== undefined);
    const second = await ssh.passcode();
    expect((await installation.perdureWith(`${second}\n`, 'login', 'cluster')).code).toBe(0);
    await until('the study is complete', async () => (await status('quick')).state === 'complete', 120_000);

    // One attempt for each passcode that was typed, and none beside them.
    expect(ssh.attempts()).toEqual({ accepted: 2, failed: 1 });
    expect((await trials('quick')).map(({ state }) => state)).toEqual(
      Array.from({ length: 4 }, () => 'COMPLETE'),
    );
    expect(cluster.pbs.jobs()).toHaveLength(4);
    for (const secret of [first, second]) expect(installation.workerLog()).not.toContain(secret);
  },
);
