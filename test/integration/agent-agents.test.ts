import { AgentBench, benchKey } from '../support/agent-bench';
import { ScriptedModel } from '../support/scripted-model';

/* Several agents on one study, models of each provider, and models that are away. */

let bench: AgentBench;

beforeAll(async () => {
  bench = await AgentBench.start();
});

afterAll(() => bench.stop());

test('several agents have their shares, a sampler among them, and it is told who found what', async () => {
  const model = await bench.model();
  const study = await bench.study(
    'several',
    model,
    {
      share: undefined,
      agents: [
        { name: 'careful', persona: 'You change one thing at a time.', share: 0.25 },
        { name: 'bold', persona: 'You jump.', share: 0.25 },
        { name: 'tpe', sampler: 'tpe', share: 0.25 },
      ],
    },
    { budget: { trials: 16, parallel: 2 } },
  );
  expect(await study.result()).toMatchObject({ state: 'complete', trials: { complete: 16 } });
  const { tally } = await study.explain();
  const trials = Object.fromEntries(tally.map(({ proposer, trials: count }) => [proposer, count]));
  expect(Object.values(trials).reduce((a, b) => a + b, 0)).toBe(16);
  // A share is a cap at every moment, and three agents are due at the same ones.
  for (const name of ['careful', 'bold', 'tpe']) expect([3, 4]).toContain(trials[name]);
  const best = Math.min(...(await study.trials()).map(({ values }) => values?.[0] ?? Infinity));
  expect(Math.min(...tally.map(({ best: own }) => own ?? Infinity))).toBe(best);
  expect(tally.reduce((sum, { improvements }) => sum + improvements, 0)).toBeGreaterThanOrEqual(1);
  // Each has its own part, and its own notes.
  for (const persona of ['You change one thing at a time.', 'You jump.'])
    expect(model.asked.some(({ system }) => system.includes(persona))).toBe(true);
  const told = await bench.installation.must('explain', 'several');
  expect(told).toContain('careful 25 %, bold 25 %, tpe 25 % of the trials; the backbone random the rest');
  expect(told).toMatch(/proposed by +trials +complete +failed +best +improvements/);
  expect(told).toMatch(
    /round 1 of \w+: accepted\n {2}call 1\.1 propose by scripted: answered, \d+ tokens, \$/,
  );
});

test('what a trial comes from is told of each', async () => {
  const study = await bench.study(
    'each',
    await bench.model('out of range', 'good'),
    {},
    { budget: { trials: 3, parallel: 1 } },
  );
  await study.result();
  expect(await bench.installation.must('explain', 'each', '0')).toContain('proposed by default');
  const told = await bench.installation.must('explain', 'each', '1');
  for (const words of [
    'proposed by agent',
    'because: good proposal',
    'call 1.2 of scripted; its part is',
    'mistakes: 2 invalid',
  ])
    expect(told).toContain(words);
  expect(await bench.installation.perdure('explain', 'each', '99')).toMatchObject({ code: 2 });
  const status = JSON.parse(await bench.installation.must('status', 'each', '--json')) as { agent: object };
  expect(status.agent).toMatchObject({ rounds: 1, fallbacks: 0, calls: 3, note: '', awaiting_approval: [] });
});

test('the critic refuses, and its reason is kept; notes are read by the next call', async () => {
  const model = await bench.model();
  model.verdict = (n) =>
    n === 0 ? { accept: false, reason: 'it will not fit in memory' } : { accept: true, reason: '' };
  const study = await bench.study(
    'critic',
    model,
    { critic: true, share: 1 },
    { budget: { trials: 4, parallel: 1 } },
  );
  await study.result();
  const [first, second] = await bench.session.ledger.listRounds('critic');
  expect(first).toMatchObject({
    mistakes: { criticised: 1 },
    problems: [expect.stringContaining('will not fit in memory') as string],
  });
  expect(first?.ideas).toHaveLength(1);
  expect(second?.notes).toMatch(/^learned/);
  const asked = model.asked.filter(({ purpose }) => purpose === 'propose');
  expect(asked[1]?.prompt).toContain(`## Your notes from earlier rounds\n${second?.notes ?? '-'}`);
});

test('a model that is away for the whole study leaves it to the backbone, which says so', async () => {
  const gone = await bench.model();
  await gone.stop();
  const study = await bench.study('away', gone, {}, { budget: { trials: 6, parallel: 2 } });
  expect(await study.result()).toMatchObject({ state: 'complete', trials: { complete: 6 } });
  const { agent } = await study.status();
  expect(agent?.note).toMatch(
    /^random proposed every trial in its place: the model did not answer: .*can't be reached/,
  );
  expect(agent).toMatchObject({ calls: 0, tokens: 0 });
  expect(await bench.installation.must('status', 'away')).toContain(
    'random proposed every trial in its place',
  );
});

test('limits end the asking, not the study', async () => {
  const model = await bench.model();
  const study = await bench.study(
    'limits',
    model,
    { share: 1, batch: 1, limits: { calls: 3, tokens: null, cost_usd: null } },
    { budget: { trials: 8, parallel: 1 } },
  );
  expect(await study.result()).toMatchObject({ state: 'complete', trials: { complete: 8 } });
  expect(model.asked).toHaveLength(3);
  expect((await study.trials()).at(-1)?.userAttrs['fallback']).toBe(
    "the agent's limits are used up: all 3 calls are used up",
  );
});

test.each([
  ['anthropic', { provider: 'anthropic' }],
  ['google', { provider: 'google' }],
] as const)('%s is asked in its own protocol, with its key', async (name, changes) => {
  const scripted = await bench.model();
  const model = {
    ...changes,
    name: 'scripted',
    base_url: scripted.url,
    api_key_env: 'AGENT_TEST_KEY',
    retries: 0,
  };
  const study = await bench.study(name, scripted, { model }, { budget: { trials: 3, parallel: 1 } });
  await study.result();
  expect((await study.trials())[1]?.userAttrs).toMatchObject({ proposed_by: 'agent' });
  expect(scripted.asked[0]?.authorization).toContain(benchKey);
  expect(scripted.asked[0]?.system).toContain('You propose hyperparameters');
});

test('a server without a JSON mode, that tells no usage, is asked plainly, and counted with the most it can cost', async () => {
  const scripted = await ScriptedModel.start({
    propose: (n) => ({ x: 0.3 + n / 100, kind: 'linear' }),
    withoutJsonMode: true,
    withoutUsage: true,
  });
  scripted.script = ['prose around JSON'];
  bench.models.push(scripted);
  const study = await bench.study('plain', scripted, {}, { budget: { trials: 3, parallel: 1 } });
  await study.result();
  expect((await study.trials())[1]?.userAttrs).toMatchObject({ proposed_by: 'agent' });
  expect(scripted.asked.every(({ format }) => format === undefined)).toBe(true);
  const [call] = await bench.session.ledger.listCalls('plain');
  expect(call?.tokens).toBeGreaterThan(4096);
});

test('keys are in no history, log or ledger', async () => {
  const client = await bench.session.client();
  let seen = '';
  for await (const { workflowId } of client.workflow.list()) {
    const history = await client.workflow.getHandle(workflowId).fetchHistory();
    for (const event of history.events ?? []) seen += JSON.stringify(event) + decoded(event);
  }
  seen += bench.installation.workerLog();
  for (const { name } of await bench.session.ledger.listStudies()) {
    seen += JSON.stringify([
      await bench.session.ledger.listCalls(name),
      await bench.session.ledger.listRounds(name),
    ]);
    seen += JSON.stringify(await bench.session.ledger.readTrials(name, {}));
  }
  expect(seen).toContain('You propose hyperparameters');
  expect(seen).not.toContain(benchKey);
});

/** All payloads of an event as text. */
function decoded(value: unknown): string {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('utf8');
  if (Array.isArray(value)) return value.map(decoded).join('');
  if (value === null || typeof value !== 'object') return '';
  return Object.values(value).map(decoded).join('');
}
