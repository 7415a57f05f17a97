import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
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

/** Runs the example study, with its own program, at the cluster. */
async function runExample(budget: string): Promise<void> {
  const { installation } = cluster;
  const examples = resolve(__dirname, '..', '..', 'config', 'studies');
  const text = readFileSync(join(examples, 'digits.yaml'), 'utf8')
    .replace('.venv/bin/python', join(examples, '.venv/bin/python'))
    .replace('trials: 24, parallel: 4', budget)
    .replace('sites: [local]', 'sites: [cluster]');
  cpSync(join(examples, 'train.py'), join(installation.folder, 'train.py'));
  await installation.must('run', installation.write('digits.yaml', text));
  const { best, trials: counts } = await status('digits');
  expect(best?.values[0]).toBeGreaterThan(0.9);
  expect(counts.failed).toBe(0);
}

testWithSshd(name('the example study runs over ssh in jobs of its own, to a good network'), async () => {
  cluster = await SshCluster.start({}, { self: true });
  await runExample('trials: 6, parallel: 2');
  expect(cluster.pbs.jobs()).toHaveLength(6);
});

testWithSshd(
  name(
    'the example study runs over ssh in a block of twelve, each trial with a tile of its own at the same time',
  ),
  async () => {
    const seen = mkdtempSync(join(tmpdir(), 'perdure-tiles-'));
    cluster = await SshCluster.start(
      {
        blocks: { slots_per_node: 12, max_blocks: 1, idle_timeout: '5s', pin: 'aurora_tiles' },
        // The block's own job has no tile. None of the first twelve trials goes on before it has seen twelve tiles.
        worker_init: `if [ -n "$ZE_AFFINITY_MASK" ]; then
  touch "${seen}/$ZE_AFFINITY_MASK"
  while [ "$(ls "${seen}" | wc -l)" -lt 12 ]; do sleep 0.1; done
fi
`,
      },
      { self: true },
    );
    try {
      await runExample('trials: 14, parallel: 12');
      expect(readdirSync(seen)).toHaveLength(12);
      expect(cluster.pbs.jobs()).toHaveLength(1);
    } finally {
      rmSync(seen, { recursive: true });
    }
  },
);

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
