import { costOf, limitReached, mostOf } from '../../../src/agent/limits';
import { noMistakes, type Idea, type RoundRecord } from '../../../src/agent/round';
import { toolAction } from '../../../src/agent/tool-action';
import {
  forfeited,
  givenBack,
  nextRound,
  noTurns,
  planSlots,
  roundEnded,
  type AgentState,
} from '../../../src/agent/turns';
import type { AgentSamplerSpec, AgentSpec } from '../../../src/study/spec';
import { studySpec } from '../../support/study-spec';

function model(name: string, share: number): AgentSpec {
  return { name, persona: '', share, by: { kind: 'module', path: '/x.mjs' } };
}

function sampler(agents: readonly AgentSpec[], changes: Partial<AgentSamplerSpec> = {}): AgentSamplerSpec {
  return {
    ...{ type: 'agent', seed: null, backbone: { type: 'random', seed: null }, agents, context: '', batch: 2 },
    ...{ critic: false, approval: 'none', limits: { calls: 1, tokens: null, cost_usd: null }, tools: [] },
    ...changes,
  };
}

function idea(id: string, agent = 'a'): Idea {
  return {
    ...{ id, agent, params: { x: Number(id.replace('-', '.')) }, rationale: '', call: '1.1', model: 'm' },
    usage: { tokens: 0, costUsd: 0 },
  };
}

function round(ideas: readonly Idea[], changes: Partial<RoundRecord> = {}): RoundRecord {
  return {
    ...{ round: 1, agent: 'a', end: 'accepted', reason: '', ideas, requests: [], mistakes: noMistakes },
    ...{ repairs: 0, problems: [], notes: '', seen: 0, ...changes },
  };
}

/** Gives out so many slots one by one, with an idea at hand whenever one is due. */
function play(agents: readonly AgentSpec[], count: number): readonly string[] {
  let state: AgentState = noTurns;
  const by: string[] = [];
  for (let i = 0; i < count; i++) {
    const ideas = agents.flatMap(({ name, by: source }) =>
      source.kind === 'sampler' ? [] : [idea(`1-${String(i)}`, name)],
    );
    const plan = planSlots({ ...state, ideas }, agents, 1);
    state = plan.after;
    const [slot] = plan.slots;
    by.push(slot?.by === 'idea' ? slot.idea.agent : slot?.by === 'sampler' ? slot.agent : 'backbone');
  }
  return by;
}

describe('shares', () => {
  test.each([0.1, 0.3, 0.5, 0.9, 1])('of %d are a cap at every moment, and met in the end', (share) => {
    const by = play([model('a', share)], 100);
    const own = by.map((name, i) => (name === 'a' ? i : -1)).filter((i) => i >= 0);
    for (const [n, i] of own.entries()) expect(n + 1).toBeLessThanOrEqual(share * (i + 1) + 1e-9);
    expect(own.length).toBe(share === 1 ? 99 : Math.floor(share * 100 + 1e-9));
  });

  test('the first trial is nobody’s: the default configuration', () => {
    expect(play([model('a', 1)], 2)).toEqual(['backbone', 'a']);
  });

  test('of several agents are each met', () => {
    const tpe: AgentSpec = {
      ...model('tpe', 0.5),
      by: { kind: 'sampler', sampler: { type: 'random', seed: 1 } },
    };
    const by = play([model('a', 0.2), model('b', 0.3), tpe], 100);
    const count = (name: string): number => by.filter((one) => one === name).length;
    expect([count('a'), count('b'), count('tpe')]).toEqual(
      [20, 30, 50].map((n) => expect.closeTo(n, -0.5) as number),
    );
    expect(count('backbone')).toBeLessThanOrEqual(3);
  });
});

describe('a slot that is due', () => {
  const agents = [model('a', 0.5)];

  test('is held while the others are given out', () => {
    const plan = planSlots({ ...noTurns, slots: 1 }, agents, 4);
    expect(plan.held).toEqual({ a: 2 });
    expect(plan.slots).toEqual([{ by: 'backbone' }, { by: 'backbone' }]);
    expect(nextRound(plan.after, plan, sampler(agents))).toMatchObject({ agent: { name: 'a' }, wanted: 2 });
  });

  test('takes an idea, once', () => {
    const state = roundEnded({ ...noTurns, slots: 1 }, round([idea('1-1'), idea('1-2')]), sampler(agents), 1);
    const plan = planSlots(state, agents, 2);
    expect(plan.slots).toEqual([{ by: 'idea', idea: idea('1-1') }, { by: 'backbone' }]);
    expect(plan.after.ideas).toEqual([idea('1-2')]);
    expect(givenBack(plan.after, [idea('1-1')])).toMatchObject({
      ideas: [idea('1-1'), idea('1-2')],
      given: { a: 0 },
    });
  });

  test('is the backbone’s where the agent failed, with the reason', () => {
    const state = roundEnded(
      { ...noTurns, slots: 1 },
      round([], { end: 'away', reason: 'gone' }),
      sampler(agents),
      1,
    );
    const plan = planSlots(state, agents, 3);
    expect(plan.slots[0]).toEqual({ by: 'backbone', insteadOf: 'a', reason: 'gone' });
    // The failure counts once; the next turn asks again.
    expect(plan.held).toEqual({ a: 1 });
    expect(state.away).toBe(1);
  });

  test('asks nobody any more once the limits are used up', () => {
    const state = roundEnded(
      { ...noTurns, slots: 1 },
      round([], { end: 'limits', reason: 'spent' }),
      sampler(agents),
      1,
    );
    const plan = planSlots(state, agents, 20);
    expect(plan.held).toEqual({});
    expect(plan.slots.filter((slot) => slot.by === 'backbone' && 'insteadOf' in slot)).toHaveLength(10);
  });

  test('waits for a person where the approval is asked for', () => {
    const state = roundEnded(
      { ...noTurns, slots: 1 },
      round([idea('1-1')]),
      sampler(agents, { approval: 'every' }),
      1,
    );
    expect(state.pending).toEqual([{ number: 1, kind: 'trial', idea: idea('1-1') }]);
    const plan = planSlots(state, agents, 8);
    expect(nextRound(plan.after, plan, sampler(agents))).toBeNull();
    // The share of the others goes on meanwhile.
    expect(plan.slots).toHaveLength(4);
    const first = roundEnded(
      { ...state, approved: true },
      round([idea('2-1')]),
      sampler(agents, { approval: 'first' }),
      1,
    );
    expect(first.ideas).toEqual([idea('2-1')]);
  });

  test('goes to the backbone when a person has refused the proposal', () => {
    const plan = planSlots(forfeited({ ...noTurns, slots: 1 }, 'a', 1, 'no'), agents, 1);
    expect(plan.slots).toEqual([{ by: 'backbone', insteadOf: 'a', reason: 'no' }]);
  });
});

describe('limits', () => {
  const conversation = {
    system: 'ä'.repeat(10),
    messages: [{ role: 'user' as const, content: 'x'.repeat(980) }],
  };
  const price = { input: 1, output: 10 };

  test('reserve a token for each byte of the prompt, and the longest answer', () => {
    const most = mostOf(conversation, 100, { maxOutputTokens: 500, price });
    expect(most.tokens).toBe(20 + 980 + 100 + 1000 + 500);
    expect(most.costUsd).toBeCloseTo(costOf(2100, 500, price), 12);
  });

  test.each([
    [{ calls: 3, tokens: null, cost_usd: null }, /all 3 calls are used up/],
    [{ calls: null, tokens: 1000, cost_usd: null }, /a call may take 600 tokens, and 500 of 1000 are left/],
    [{ calls: null, tokens: null, cost_usd: 1 }, /a call may cost \$0\.60, and \$0\.50 of \$1\.00 are left/],
    [{ calls: 4, tokens: 1100, cost_usd: 1.2 }, null],
  ] as const)('%j', (limits, reason) => {
    const found = limitReached(
      { calls: 3, tokens: 500, costUsd: 0.5 },
      { tokens: 600, costUsd: 0.6 },
      limits,
    );
    if (reason === null) expect(found).toBeNull();
    else expect(found).toMatch(reason);
  });
});

describe('what a model asks of the study', () => {
  const spec = studySpec({
    space: {
      x: { distribution: { type: 'float', low: 0, high: 1, log: false, step: null } },
      c: { distribution: { type: 'categorical', choices: ['a', 'b', 'z'] }, allowed: ['a', 'b'] },
    },
    pruner: { type: 'successive_halving', min_resource: 1, reduction_factor: 4, min_early_stopping_rate: 0 },
  });
  const ask = (
    tool: Parameters<typeof toolAction>[0]['tool'],
    args: Parameters<typeof toolAction>[0]['arguments'],
  ) => toolAction({ id: 'r', agent: 'a', tool, arguments: args, reason: '' }, spec);

  test('comes to what a person could ask', () => {
    expect(ask('narrow_space', { x: { high: 0.5 }, c: { choices: ['a'] } })).toEqual({
      kind: 'adjust',
      adjustment: { space: { x: { high: 0.5 }, c: { choices: ['a'] } } },
    });
    expect(ask('widen_space', { space: { c: { choices: ['a', 'b', 'z'] } } })).toMatchObject({
      kind: 'adjust',
    });
    expect(ask('change_fidelity', { min_resource: 4 })).toMatchObject({
      adjustment: { pruner: { min_resource: 4 } },
    });
    expect(ask('enqueue', { x: 0.5 })).toEqual({ kind: 'enqueue', params: { x: 0.5 } });
    expect(ask('stop_study', {})).toEqual({ kind: 'stop' });
  });

  test.each([
    ['narrow_space', { x: { high: 2 } }, /does not narrow 'x'/],
    ['widen_space', { x: { high: 0.5 } }, /does not widen 'x'/],
    ['narrow_space', { x: { low: 'a' } }, /no number/],
    ['narrow_space', { x: { when: 1 } }, /'when' of 'x' can't be changed/],
    ['narrow_space', {}, /changes nothing/],
    ['change_fidelity', { max_resource: 9 }, /has no 'max_resource'/],
    ['change_fidelity', { reduction_factor: 1 }, /whole number from 2/],
    ['enqueue', { x: { $: 1 } }, /neither number nor choice/],
  ] as const)('%s %j is refused', (tool, args, words) => {
    expect(() => ask(tool, args)).toThrow(words);
  });
});
