import { setTimeout as sleep } from 'node:timers/promises';
import { AgentBench } from '../support/agent-bench';
import { until } from '../support/installation';
import type { ScriptedModel } from '../support/scripted-model';

/* kill -9 of the worker around the calls of a model: what was stored is never asked again, and limits hold all the same. */

let bench: AgentBench;

beforeAll(async () => {
  bench = await AgentBench.start();
});

afterAll(() => bench.stop());

/** Kills the worker at the point, and starts another one. */
async function killAt(point: string): Promise<void> {
  const { installation } = bench;
  await until(`${point} is hit`, () => installation.hit(point));
  await installation.kill('worker');
  installation.go(point);
  await installation.must('up');
}

/** Requests beyond one for each call that has an answer. */
async function repeated(name: string, model: ScriptedModel): Promise<number> {
  const calls = await bench.session.ledger.listCalls(name);
  const answered = calls.filter(({ state }) => state === 'answered');
  const distinct = new Set(answered.map(({ round, step }) => `${String(round)}.${String(step)}`));
  expect(answered).toHaveLength(distinct.size);
  // Whatever reached the model had been reserved.
  expect(model.asked.length).toBeLessThanOrEqual(calls.length);
  return model.asked.length - distinct.size;
}

test.each([
  ['before-model', 0],
  ['before-store', 1],
  ['after-store', 0],
] as const)('killed at %s: %d calls are made again', async (point, most) => {
  const model = await bench.model();
  bench.installation.arm(point);
  const study = await bench.study(`killed-${point}`, model, {}, { budget: { trials: 4, parallel: 1 } });
  await killAt(point);
  expect(await study.result()).toMatchObject({ state: 'complete', trials: { complete: 4 } });
  expect(await repeated(study.name, model)).toBe(most);
  expect((await study.trials())[1]?.userAttrs).toMatchObject({ proposed_by: 'agent' });
});

test('killed at random moments: at most one call again for each kill, and no limit is passed', async () => {
  // More by hand: KILLS=30 npm test -- --testPathPatterns agent-kills
  const kills = Number(process.env['KILLS'] ?? 2);
  const limits = { calls: 12 + kills, tokens: 200_000, cost_usd: 0.5 };
  const model = await bench.model();
  model.delay = 300;
  const trials = 12 + 4 * kills;
  const study = await bench.study(
    'random',
    model,
    { limits, share: 1, batch: 1, critic: true },
    { budget: { trials, parallel: 2 } },
  );
  for (let kill = 0; kill < kills; kill++) {
    const asked = model.asked.length;
    await until('the model is asked', () => model.asked.length > asked || model.asked.length >= 10);
    await sleep(Math.random() * 600);
    await bench.installation.kill('worker');
    await bench.installation.must('up');
  }
  expect(await study.result()).toMatchObject({ state: 'complete', trials: { complete: trials } });
  const again = await repeated(study.name, model);
  expect(again).toBeLessThanOrEqual(kills);
  const spent = await bench.session.ledger.spentOnCalls(study.name);
  expect(spent.calls).toBeLessThanOrEqual(limits.calls);
  expect(spent.tokens).toBeLessThanOrEqual(limits.tokens);
  expect(spent.costUsd).toBeLessThanOrEqual(limits.cost_usd);
  // Real requests, as the model counted them, stay below it too.
  expect(model.asked.length).toBeLessThanOrEqual(limits.calls);
  const last = (await study.trials()).at(-1);
  expect(last?.userAttrs).toMatchObject({
    proposed_by: 'random',
    fallback: expect.stringContaining('used up') as string,
  });
  console.log(
    `${String(kills)} kills: ${String(model.asked.length)} requests, ${String(again)} of them again`,
  );
}, 900_000);
