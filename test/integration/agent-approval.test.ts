import type { Session } from '../../src/client/session';
import { AgentBench } from '../support/agent-bench';
import { until } from '../support/installation';

/* A person's yes and no to what a model proposes: by command and by API, over a worker's death. */

let bench: AgentBench;
let session: Session;

beforeAll(async () => {
  bench = await AgentBench.start();
  session = bench.session;
});

afterAll(() => bench.stop());

async function waiting(name: string): Promise<readonly number[]> {
  const out = (await bench.installation.perdure('status', name, '--json')).stdout;
  const { agent } = JSON.parse(out) as { agent: { awaiting_approval: readonly { number: number }[] } };
  return agent.awaiting_approval.map(({ number }) => number);
}

async function untilWaiting(name: string, ...numbers: readonly number[]): Promise<void> {
  await until(`${numbers.join(', ')} wait`, async () => (await waiting(name)).join() === numbers.join());
}

test('a proposal waits over a worker’s death, and is edited, approved or refused by command and by API', async () => {
  const { installation } = bench;
  const study = await bench.study(
    'approval',
    await bench.model(),
    { approval: 'every', share: 1 },
    {
      budget: { trials: 5, parallel: 1 },
    },
  );
  await untilWaiting('approval', 1, 2);
  expect((await installation.must('status', 'approval')).replaceAll(/\s+/g, ' ')).toContain(
    'approve proposal 1 of agent: {"x":0.501,"kind":"linear"} (good proposal 0)',
  );
  await installation.kill('worker');
  await installation.must('up');
  expect(await waiting('approval')).toEqual([1, 2]);

  const wrong = await installation.perdure('approve', 'approval', '1', '--edit', '{"x": 7}');
  expect(wrong).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('x = 7 is not a number from 0 to 1') as string,
  });
  expect(await installation.perdure('approve', 'approval', '9')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('no proposal 9 waits for approval') as string,
  });
  await expect(study.approve({ edit: { x: 0.1 } })).rejects.toThrow('several proposals wait');
  await installation.must('approve', 'approval', '1', '--edit', '{"x": 0.25}');
  expect(await study.reject({ number: 2, reason: 'too curved' })).toEqual([2]);

  await untilWaiting('approval', 3, 4);
  expect(await study.approve()).toEqual([3, 4]);
  expect(await study.result()).toMatchObject({ state: 'complete', trials: { complete: 5 } });

  const trials = await study.trials();
  expect(trials[1]).toMatchObject({
    params: { x: 0.25, kind: 'linear' },
    userAttrs: { proposed_by: 'agent' },
  });
  expect(trials[2]?.userAttrs).toMatchObject({
    proposed_by: 'random',
    instead_of: 'agent',
    fallback: 'refused by a person: too curved',
  });
  expect(trials.filter(({ userAttrs }) => userAttrs['proposed_by'] === 'agent')).toHaveLength(3);
  // The model is told what became of its proposals.
  const asked = bench.models[0]?.asked.filter(({ purpose }) => purpose === 'propose');
  expect(asked?.at(-1)?.prompt).toContain('was refused by a person: too curved');
  await expect(study.approve()).rejects.toThrow('is not running');
});

test('after the first yes the rest goes through', async () => {
  const study = await bench.study(
    'first',
    await bench.model(),
    { approval: 'first', share: 1 },
    {
      budget: { trials: 6, parallel: 1 },
    },
  );
  await untilWaiting('first', 1, 2);
  await study.approve();
  expect(await study.result()).toMatchObject({ state: 'complete', trials: { complete: 6 } });
  expect((await session.ledger.listRounds('first')).length).toBeGreaterThan(1);
});

test('nothing to approve is said so', async () => {
  const study = await bench.study(
    'nothing',
    await bench.model('slow'),
    { timeout: '2s' },
    { budget: { trials: 3, parallel: 1 } },
  );
  await until('it has begun', async () => (await study.trials()).length > 0);
  await expect(study.approve()).rejects.toThrow('nothing waits for approval');
  await study.stop({ now: true });
});
