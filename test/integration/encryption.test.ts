import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { dataConverterOf, EncryptionCodec } from '../../src/client/payload-encryption';
import { Session } from '../../src/client/session';
import { StudyHandle } from '../../src/client/study-handle';
import { AgentBench } from '../support/agent-bench';

/* With a key, nothing of a study can be read in Temporal, and everything works as without. */

describe('the codec', () => {
  const payload = { metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from('"secret"') };

  test('gives back what it was given, and differs each time', async () => {
    const codec = new EncryptionCodec(randomBytes(32));
    const sealed = await codec.encode([payload, payload]);
    expect(Buffer.from(sealed[0]?.data ?? []).includes('secret')).toBe(false);
    expect(sealed[0]?.data).not.toEqual(sealed[1]?.data);
    const [opened] = await codec.decode(sealed);
    expect(Buffer.from(opened?.data ?? []).toString()).toBe('"secret"');
    // What was written before there was a key.
    expect(await codec.decode([payload])).toEqual([payload]);
  });

  test('refuses another key, and what was changed', async () => {
    const codec = new EncryptionCodec(randomBytes(32));
    const sealed = await codec.encode([payload]);
    await expect(async () => new EncryptionCodec(randomBytes(32)).decode(sealed)).rejects.toThrow(
      'another key',
    );
    const changed = { ...sealed[0], data: Buffer.from(sealed[0]?.data ?? []) };
    changed.data[20] = (changed.data[20] ?? 0) ^ 1;
    await expect(async () => codec.decode([changed])).rejects.toThrow();
  });

  test.each([
    ['', 'is not set'],
    ['short', 'holds no key of 32 bytes'],
    ['/nowhere/key', "can't be read"],
  ])('a variable with %j is refused', async (value, words) => {
    process.env['ENCRYPTION_TEST_KEY'] = value;
    await expect(dataConverterOf({ encryptionKeyEnv: 'ENCRYPTION_TEST_KEY' })).rejects.toThrow(words);
  });
});

describe('a study with a key', () => {
  let bench: AgentBench;
  beforeAll(async () => {
    process.env['ENCRYPTION_TEST_KEY'] = randomBytes(32).toString('hex');
    bench = await AgentBench.start({ encryptionKeyEnv: 'ENCRYPTION_TEST_KEY' });
  });
  afterAll(() => bench.stop());

  test('runs to its end, and its prompts can be read by nobody in Temporal', async () => {
    const study = await bench.study(
      'sealed',
      await bench.model(),
      { approval: 'first' },
      { budget: { trials: 4, parallel: 1 } },
    );
    for (;;) {
      const { agent } = await study.status();
      if ((agent?.awaiting_approval.length ?? 0) > 0) break;
    }
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
});

test('a command with another key than the study is refused, and the study goes on', async () => {
  process.env['ENCRYPTION_TEST_KEY'] = randomBytes(32).toString('hex');
  const bench = await AgentBench.start({ encryptionKeyEnv: 'ENCRYPTION_TEST_KEY' });
  try {
    const gate = bench.gate('other-key');
    const study = await bench.study(
      'other-key',
      null,
      {},
      { sampler: { type: 'random' }, trial: gate.trial, budget: { trials: 2, parallel: 1 } },
    );
    process.env['ENCRYPTION_TEST_KEY'] = randomBytes(32).toString('hex');
    await using session = await Session.open({ settings: bench.session.settings });
    const other = new StudyHandle(session, 'other-key');
    for (const refused of [other.pause(), other.adjust({ budget: { trials: 9 } }), other.cancel(0)])
      await expect(refused).rejects.toMatchObject({ kind: 'InvalidInput' });
    expect(await study.status()).toMatchObject({ state: 'running', budget: 2 });
    gate.open();
    expect(await study.result()).toMatchObject({ state: 'complete', trials: { complete: 2 } });
  } finally {
    await bench.stop();
  }
});

test('a file can hold the key', async () => {
  const { mkdtempSync } = await import('node:fs');
  const path = `${mkdtempSync('/tmp/perdure-key-')}/key`;
  writeFileSync(path, `${randomBytes(32).toString('base64')}\n`);
  process.env['ENCRYPTION_TEST_KEY'] = path;
  expect((await dataConverterOf({ encryptionKeyEnv: 'ENCRYPTION_TEST_KEY' }))?.payloadCodecs).toHaveLength(1);
});

function payloads(value: unknown): string {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('utf8');
  if (Array.isArray(value)) return value.map(payloads).join('');
  if (value === null || typeof value !== 'object') return '';
  return Object.values(value).map(payloads).join('');
}
