import { join, resolve } from 'node:path';
import { openStudy } from '../../src/client/start-study';
import { loadStudy } from '../../src/config';
import { AgentBench, benchKey, studyFile } from '../support/agent-bench';
import { until } from '../support/installation';
import { ScriptedModel } from '../support/scripted-model';

/* Several agents on one study, models of each provider, proposers of the user's own, and what would be sent to a model. */

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

describe('a proposer of the user’s own', () => {
  /** A study whose proposer is a file with this text. */
  function studyOf(
    name: string,
    file: string,
    text: string,
    sampler: Readonly<Record<string, unknown>> = {},
  ) {
    bench.installation.write(file, text);
    const own = { model: undefined, module: `./${file}`, share: 1, batch: 1, ...sampler };
    return bench.study(name, null, own, { budget: { trials: 4, parallel: 1 } });
  }

  test('a LangGraph graph with a branch and a loop proposes from the history that it is given', async () => {
    const loaded = await loadStudy(resolve(__dirname, '..', '..', 'examples', 'langgraph', 'study.yaml'));
    const { handle: study } = await openStudy(bench.session, loaded);
    expect(await study.result()).toMatchObject({ state: 'complete', trials: { complete: 20 } });
    const own = (await study.trials()).filter(({ userAttrs }) => userAttrs['proposed_by'] === 'agent');
    expect(own).toHaveLength(10);
    const reasons = own.map(({ userAttrs }) => JSON.stringify(userAttrs['rationale']).slice(1));
    // The branch: it explores while little is known, and goes to where it was best later on.
    expect(reasons[0]).toMatch(/^explore/);
    const near = reasons.flatMap((reason) => /^exploit: near trial (\d+)/.exec(reason)?.[1] ?? []);
    expect(near.length).toBeGreaterThan(0);
    const trials = await study.trials();
    for (const number of near) expect(trials[Number(number)]?.state).toBe('COMPLETE');
  });

  test('a TypeScript file may print, ask for changes, and say what it has used up', async () => {
    const study = await studyOf(
      'typed',
      'typed.ts',
      `interface Question { readonly wanted: number; readonly trials: readonly { readonly params: { readonly x: number } }[]; readonly tools: readonly string[] }
export default async function propose({ trials, tools }: Question): Promise<object> {
  console.log('this is no answer');
  const x: number = 0.9 - trials.length / 10;
  const requests = trials.length === 1 ? [{ tool: tools[0], arguments: { x: { high: 0.95 } }, reason: 'it is enough' }] : [];
  return { proposals: [{ params: { x, kind: 'linear' }, rationale: \`after \${trials.length}\` }], requests, usage: { tokens: 70, cost_usd: 0.01 } };
}
`,
      { tools: ['narrow_space'] },
    );
    expect(await study.result()).toMatchObject({ state: 'complete', trials: { complete: 4 } });
    const trials = await study.trials();
    expect(trials.map(({ params }) => params['x'])).toEqual(
      [0.5, 0.8, 0.7, 0.6].map((x) => expect.closeTo(x, 9) as number),
    );
    expect(trials[1]?.userAttrs).toMatchObject({
      agent_model: 'module typed.ts',
      agent_tokens: 70,
      agent_cost_usd: 0.01,
    });
    const { spec, specVersion } = (await study.read()).perdure ?? {};
    expect(spec?.space['x']?.distribution).toMatchObject({ high: 0.95 });
    expect(specVersion).toBe(2);
    const [round] = await bench.session.ledger.listRounds('typed');
    expect(round?.requests).toMatchObject([{ tool: 'narrow_space', outcome: 'done' }]);
  });

  test.each([
    [
      'throws',
      `export default () => { throw new Error('no idea'); };`,
      /the proposer failed: Error: no idea/,
    ],
    ['dies', `export default () => process.kill(process.pid, 'SIGKILL');`, /gave no answer \(exit SIGKILL\)/],
    ['exports-nothing', `export const x = 1;`, /it exports no function/],
    ['does-not-parse', `export default () => {`, /SyntaxError/],
    [
      'answers-nonsense',
      `export default () => ({ proposals: [{ params: { x: 'rm -rf ~' } }] });`,
      /x = "rm -rf ~" is not a number/,
    ],
  ])('one that %s leaves its trials to the backbone, with the reason', async (name, text, reason) => {
    const study = await studyOf(name, `${name}.mjs`, text);
    expect(await study.result()).toMatchObject({ state: 'complete', trials: { complete: 4 } });
    const [, second] = await study.trials();
    expect(second?.userAttrs).toMatchObject({ proposed_by: 'random', instead_of: 'agent' });
    expect(second?.userAttrs['fallback']).toMatch(reason);
  });

  test('one that is not there is refused before anything starts', async () => {
    const file = bench.installation.write(
      'missing.yaml',
      `name: missing
objective: {metric: loss, direction: minimize}
space: {x: {type: float, low: 0, high: 1}}
sampler: {type: agent, module: ./nowhere.mjs}
trial: {command: [sh, -c, "true"]}
budget: {trials: 2}
`,
    );
    const { code, stderr } = await bench.installation.perdure('start', file);
    expect(code).toBe(2);
    expect(stderr).toContain('missing.yaml:4:');
    expect(stderr).toContain(`there is no file '${join(bench.installation.folder, 'nowhere.mjs')}'`);
  });
});

describe('before anything is sent', () => {
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
