import { randomBytes } from 'node:crypto';
import { Session } from '../../src/client/session';
import { StudyHandle } from '../../src/client/study-handle';
import { AgentBench } from '../support/agent-bench';
import { until } from '../support/installation';

/* With a key, nothing of a study can be read in Temporal, and everything works as without. */

const keyVariable = 'ENCRYPTION_TEST_KEY';
const [key, otherKey] = [randomBytes(32), randomBytes(32)].map((bytes) => bytes.toString('hex'));

let bench: AgentBench;
beforeAll(async () => {
  process.env[keyVariable] = key;
  bench = await AgentBench.start({ encryptionKeyEnv: keyVariable });
});
afterAll(async () => {
  await bench.stop();
  Reflect.deleteProperty(process.env, keyVariable);
});

test('a study with a key runs to its end, and its prompts can be read by nobody in Temporal', async () => {
  const study = await bench.study(
    'sealed',
    await bench.model(),
    { approval: 'first' },
    { budget: { trials: 4, parallel: 1 } },
  );
  await until('a proposal waits for approval', async () => {
    const { agent } = await study.status();
    return (agent?.awaiting_approval.length ?? 0) > 0;
  });
  await study.approve();
  expect(await study.result()).toMatchObject({ state: 'complete', trials: { complete: 4 } });
  const client = await bench.session.client();
  let seen = '';
  for await (const { workflowId } of client.workflow.list()) {
    const history = await client.workflow.getHandle(workflowId).fetchHistory();
    for (const event of history.events ?? []) seen += payloads(event);
  }
  expect(seen.length).toBeGreaterThan(10_000);
  for (const words of ['You propose hyperparameters', 'good proposal', 'agent-trial.sh', '"curved"'])
    expect(seen).not.toContain(words);
});

test('a command with another key than the study is refused, and the study goes on', async () => {
  try {
    const gate = bench.gate('other-key');
    const study = await bench.study(
      'other-key',
      null,
      {},
      { sampler: { type: 'random' }, trial: gate.trial, budget: { trials: 2, parallel: 1 } },
    );
    process.env[keyVariable] = otherKey;
    await using session = await Session.open({ settings: bench.session.settings });
    const other = new StudyHandle(session, 'other-key');
    for (const refused of [other.pause(), other.adjust({ budget: { trials: 9 } }), other.cancel(0)])
      await expect(refused).rejects.toMatchObject({ kind: 'InvalidInput' });
    expect(await study.status()).toMatchObject({ state: 'running', budget: 2 });
    gate.open();
    expect(await study.result()).toMatchObject({ state: 'complete', trials: { complete: 2 } });
  } finally {
    process.env[keyVariable] = key;
  }
});

function payloads(value: unknown): string {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('utf8');
  if (Array.isArray(value)) return value.map(payloads).join('');
  if (value === null || typeof value !== 'object') return '';
  return Object.values(value).map(payloads).join('');
}
