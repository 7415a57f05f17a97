import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { StudyStatus } from '../../src/client/study-status';
import { SshCluster } from '../support/ssh-cluster';
import { sshdAvailable } from '../support/sshd';

const name = (text: string): string => (sshdAvailable() ? text : `skipped: needs sshd (${text})`);
const testWithSshd = sshdAvailable() ? test : test.skip;

let cluster: SshCluster;
afterEach(() => cluster.destroy());

async function status(study: string): Promise<StudyStatus> {
  return JSON.parse((await cluster.installation.perdure('status', study, '--json')).stdout) as StudyStatus;
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
