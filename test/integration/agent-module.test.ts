import { join, resolve } from 'node:path';
import { openStudy } from '../../src/client/start-study';
import { loadStudy } from '../../src/config';
import { AgentBench } from '../support/agent-bench';

/* Proposers of the user's own: files that export a function, a LangGraph graph among them. */

let bench: AgentBench;

beforeAll(async () => {
  bench = await AgentBench.start();
});

afterAll(() => bench.stop());

/** A study whose proposer is a file with this text. */
function studyOf(name: string, file: string, text: string, sampler: Readonly<Record<string, unknown>> = {}) {
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
  ['throws', `export default () => { throw new Error('no idea'); };`, /the proposer failed: Error: no idea/],
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
