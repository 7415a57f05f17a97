import { AgentBench } from '../support/agent-bench';
import { until } from '../support/installation';

/* A study whose workflow is ended by hand in the middle of its agent's proposals, and started again. */

let bench: AgentBench;

beforeAll(async () => {
  bench = await AgentBench.start();
});

afterAll(() => bench.stop());

async function terminate(name: string): Promise<void> {
  const client = await bench.session.client();
  await client.workflow.getHandle(`perdure/${name}`).terminate('by hand');
}

test('what was accepted is tried all the same, and no call is made again', async () => {
  const model = await bench.model();
  const { trial, open } = bench.gate('ended');
  const parts = [
    { share: 1, batch: 3 },
    { trial, budget: { trials: 4, parallel: 2 } },
  ] as const;
  const study = await bench.study('ended', model, ...parts);
  // The default configuration and the first proposal; the other two wait for a slot.
  await until('two trials run', async () => (await study.status()).trials.running === 2);
  await terminate('ended');
  open();
  const again = await bench.study('ended', model, ...parts);
  expect(await again.result()).toMatchObject({ state: 'complete', trials: { complete: 4 } });
  const trials = await again.trials();
  expect(trials.map(({ userAttrs }) => userAttrs['agent_idea'])).toEqual([undefined, '1-1', '1-2', '1-3']);
  expect(model.asked.map(({ purpose }) => purpose)).toEqual(['propose', 'reflect']);
});

test('what a person has approved, changed or not decided of is as the person left it', async () => {
  const model = await bench.model();
  const { trial, open } = bench.gate('decided');
  const parts = [
    { share: 1, batch: 3, approval: 'every' },
    { trial, budget: { trials: 4, parallel: 2 } },
  ] as const;
  const study = await bench.study('decided', model, ...parts);
  const waiting = async (): Promise<readonly number[]> =>
    ((await study.status()).agent?.awaiting_approval ?? []).map(({ number }) => number);
  await until('three wait', async () => (await waiting()).join() === '1,2,3');
  await study.pause();
  await study.approve({ number: 1, edit: { x: 0.25 } });
  await study.reject({ number: 2, reason: 'too much' });
  await terminate('decided');
  open();
  const again = await bench.study('decided', model, ...parts);
  await until('the edited one was tried', async () =>
    (await again.trials()).some(({ params, state }) => params['x'] === 0.25 && state === 'COMPLETE'),
  );
  expect(await waiting()).toEqual([3]);
  expect(await again.approve({ number: 3 })).toEqual([3]);
  await until('the third was tried', async () =>
    (await again.trials()).some(({ userAttrs }) => userAttrs['agent_idea'] === '1-3'),
  );
  expect(await bench.installation.must('explain', 'decided')).toContain(
    'refused by a person: too much: {"x":',
  );
  await again.stop({ now: true });
});

test('a complete study has notes on its last proposals, too; a person’s stop waits for none', async () => {
  const model = await bench.model();
  const study = await bench.study('looks-back', model, {}, { budget: { trials: 4, parallel: 1 } });
  expect(await study.result()).toMatchObject({
    state: 'complete',
    agent: { rounds: 1, fallbacks: 0, note: '' },
  });
  const rounds = await bench.session.ledger.listRounds('looks-back');
  expect(rounds.map(({ end, seen }) => [end, seen])).toEqual([
    ['accepted', 0],
    ['reflected', 2],
  ]);
  expect(rounds[1]?.notes).toMatch(/^learned/);
  expect(await bench.installation.must('explain', 'looks-back')).toContain('round 2 of agent: reflected');
  const other = await bench.model();
  const stopped = await bench.study('stopped', other, {}, { budget: { trials: 400, parallel: 1 } });
  await until('it has proposed', () => other.asked.length > 0);
  await stopped.stop();
  expect(await stopped.result()).toMatchObject({ state: 'stopped' });
  const ends = (await bench.session.ledger.listRounds('stopped')).map(({ end }) => end);
  expect(ends).not.toContain('reflected');
});

test('a budget that is raised while the last trials run lets the agents go on', async () => {
  const model = await bench.model();
  const { trial, open } = bench.gate('raised');
  // A round is under way when the budget is over.
  model.delay = 20_000;
  const study = await bench.study(
    'raised',
    model,
    { share: 1 },
    { trial, budget: { trials: 4, parallel: 2 } },
  );
  await until('the model is asked', () => model.asked.length === 1);
  await study.adjust({ budget: { hours: 1e-6 } });
  await until('the study comes to its end', async () => (await study.status()).state === 'draining');
  model.delay = 0;
  await study.adjust({ budget: { hours: 1 } });
  open();
  expect(await study.result()).toMatchObject({ state: 'complete', trials: { complete: 4 } });
});
