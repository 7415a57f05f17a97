import { AgentBench, benchKey, studyFile } from '../support/agent-bench';
import { until } from '../support/installation';

/* What would be sent to a model, shown before anything is. */

let bench: AgentBench;

beforeAll(async () => {
  bench = await AgentBench.start();
});

afterAll(() => bench.stop());

test('a study that was never started: all that would be sent is shown, nothing is, and no key', async () => {
  const model = await bench.model();
  bench.installation.write('agent-trial.sh', 'true\n');
  const file = bench.installation.write('never.yaml', JSON.stringify(studyFile('never', model.url)));
  const shown = await bench.installation.must('run', file, '--dry-run');
  for (const words of [
    `=== agent agent to scripted (openai_compatible, ${model.url})`,
    /reserved before the call: \d+ tokens, \$0\.\d+/,
    '--- system\nYou propose hyperparameters',
    '## What the scientist says\nA test.',
    '- bend: a whole number from 1 to 8; only where kind is "curved"',
    '--- schema of the answer\n{"type":"object"',
  ])
    expect(shown).toMatch(words);
  expect(shown).not.toContain(benchKey);
  expect(model.asked).toEqual([]);
  expect(await bench.session.ledger.findStudy('never')).toBeNull();
});

test('a study that runs: what is shown is what is sent next, to the letter', async () => {
  const { trial, open } = bench.gate('shown');
  const model = await bench.model();
  const study = await bench.study('shown', model, {}, { trial, budget: { trials: 2, parallel: 1 } });
  await until('it has begun', async () => (await study.trials()).length === 1);
  await study.pause();
  open();
  await until('its trial has ended', async () => (await study.status()).trials.complete === 1);
  const shown = await bench.installation.must('explain', 'shown', '--dry-run');
  expect(shown).not.toContain(benchKey);
  expect(model.asked).toEqual([]);
  expect(await bench.session.ledger.listCalls('shown')).toEqual([]);
  expect(await bench.session.ledger.spentOnCalls('shown')).toMatchObject({ calls: 0, tokens: 0 });
  await study.resume();
  await study.result();
  const [first] = model.asked;
  expect(first?.prompt).toContain('trial 0: 0.5');
  expect(shown).toContain(`--- system\n${first?.system ?? 'nothing'}\n--- user\n`);
  expect(shown).toContain(`--- user\n${first?.prompt ?? 'nothing'}\n--- schema`);
  const [call] = await bench.session.ledger.listCalls('shown');
  expect(call).toMatchObject({ state: 'answered', purpose: 'propose' });
});
