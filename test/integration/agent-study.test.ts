import type { RoundRecord } from '../../src/agent/round';
import { AgentBench, benchKey } from '../support/agent-bench';
import type { Behaviour } from '../support/scripted-model';

/* Studies whose sampler is a language model: real workers and a real server, and a model that answers as a script says. */

let bench: AgentBench;

beforeAll(async () => {
  bench = await AgentBench.start();
}, 120_000);

afterAll(() => bench.stop(), 60_000);

test('a model proposes its share, after the default configuration, with the reason in each trial', async () => {
  const scripted = await bench.model();
  const study = await bench.study('good', scripted);
  expect(await study.result()).toMatchObject({ state: 'complete', trials: { complete: 8 } });
  const trials = await study.trials();
  expect(trials[0]).toMatchObject({
    params: { x: 0.5, kind: 'linear' },
    userAttrs: { proposed_by: 'default' },
  });
  const origins = trials.map(({ userAttrs }) => userAttrs['proposed_by']);
  expect(origins.filter((by) => by === 'agent')).toHaveLength(4);
  expect(origins.filter((by) => by === 'random')).toHaveLength(3);
  const own = trials.find(({ userAttrs }) => userAttrs['proposed_by'] === 'agent');
  expect(own?.userAttrs).toMatchObject({
    rationale: 'good proposal 0',
    agent_call: '1.1',
    agent_model: 'scripted',
  });
  expect(own?.userAttrs['agent_tokens']).toBeGreaterThan(100);
  expect(scripted.asked[0]?.authorization).toBe(`Bearer ${benchKey}`);
});

/** Each way in which a model misbehaves, what its round comes to, and what the ledger says of it. */
const misbehaviours: readonly {
  readonly script: readonly Behaviour[];
  readonly end: RoundRecord['end'];
  readonly says?: RegExp;
  readonly mistakes?: Partial<RoundRecord['mistakes']>;
  readonly repairs?: number;
}[] = [
  { script: ['prose around JSON'], end: 'accepted', repairs: 0 },
  { script: ['out of range', 'good'], end: 'accepted', mistakes: { invalid: 2 }, repairs: 1 },
  { script: ['malformed JSON', 'good'], end: 'accepted', mistakes: { unreadable: 1 }, repairs: 1 },
  { script: ['refusal', 'good'], end: 'accepted', mistakes: { unreadable: 1 }, repairs: 1 },
  { script: ['refusal'], end: 'invalid', says: /holds no JSON/, mistakes: { unreadable: 3 }, repairs: 2 },
  { script: ['out of range'], end: 'invalid', says: /is not a number from 0 to 1/, mistakes: { invalid: 6 } },
  { script: ['repeats'], end: 'invalid', says: /repeats a trial/, mistakes: { duplicate: 6 } },
  { script: ['injection'], end: 'invalid', says: /no tools|there are none|no parameter|no object/ },
  { script: ['429', 'good'], end: 'accepted', repairs: 0 },
  { script: ['500', 'good'], end: 'accepted', repairs: 0 },
  { script: ['cut connection', 'good'], end: 'accepted', repairs: 0 },
  { script: ['slow', 'good'], end: 'accepted', repairs: 0 },
  { script: ['500'], end: 'away', says: /status 500 \(.*the model has crashed/ },
  { script: ['slow'], end: 'away', says: /no answer in 2 s/ },
  { script: ['cut connection'], end: 'away', says: /the answer was lost/ },
  { script: ['unauthorized'], end: 'away', says: /status 401 \(.*wrong key Bearer \*\*\*/ },
];

test.each(misbehaviours)('$script: the study goes on, and the ledger says why', async (one) => {
  const { script, end, says, mistakes, repairs } = one;
  const scripted = await bench.model(...script);
  const study = await bench.study(
    `bad-${script.map((step) => (typeof step === 'string' ? step : 'text')).join('-')}`.replaceAll(' ', '-'),
    scripted,
    {},
    {
      budget: { trials: 3, parallel: 1 },
    },
  );
  expect(await study.result()).toMatchObject({ state: 'complete', trials: { complete: 3 } });
  const [round] = await bench.session.ledger.listRounds(study.name);
  expect(round).toMatchObject({ end });
  if (mistakes !== undefined) expect(round?.mistakes).toMatchObject(mistakes);
  if (repairs !== undefined) expect(round?.repairs).toBe(repairs);
  if (says !== undefined) expect(round?.reason).toMatch(says);
  const [, second] = await study.trials();
  expect(second?.userAttrs).toMatchObject(
    end === 'accepted'
      ? { proposed_by: 'agent' }
      : { proposed_by: 'random', instead_of: 'agent', fallback: round?.reason },
  );
  for (const { params } of await study.trials()) {
    expect(Object.keys(params).every((name) => ['x', 'kind', 'bend'].includes(name))).toBe(true);
  }
});
