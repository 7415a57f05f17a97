import { agentStateOf } from '../../../src/activities/agent-state';
import { decidedRounds } from '../../../src/agent/decisions';
import { noMistakes, type Idea, type RoundRecord, type ToolRequest } from '../../../src/agent/round';
import type { AgentSpec } from '../../../src/study/spec';
import type { Trial } from '../../../src/study/trial';

/* What is known of a study's agents from the ledger alone, when its workflow was ended by hand. */

const agents: readonly AgentSpec[] = [
  { name: 'a', persona: '', share: 1, by: { kind: 'module', path: '/x.mjs' } },
];

function idea(id: string, changes: Partial<Idea> = {}): Idea {
  const usage = { tokens: 0, costUsd: 0 };
  return { id, agent: 'a', params: { x: 1 }, rationale: '', call: '1.1', model: 'm', usage, ...changes };
}

const stop: ToolRequest = { id: '1-r1', agent: 'a', tool: 'stop_study', arguments: {}, reason: '' };

function round(ideas: readonly Idea[], requests: readonly ToolRequest[] = []): RoundRecord {
  return {
    ...{ round: 1, agent: 'a', end: 'accepted', reason: '', ideas, requests, mistakes: noMistakes },
    ...{ repairs: 0, problems: [], notes: '', seen: 0 },
  };
}

function trial(number: number, userAttrs: Trial['userAttrs']): Trial {
  return {
    ...{ number, state: 'COMPLETE', values: [1], params: {}, distributions: {}, systemAttrs: {}, userAttrs },
    ...{ intermediateValues: new Map(), datetimeStart: null, datetimeComplete: null },
  };
}

const ids = (ideas: readonly Idea[] | undefined): readonly string[] | undefined => ideas?.map(({ id }) => id);

test('what was accepted and neither tried nor dropped is tried yet', () => {
  const trials = [
    trial(0, { proposed_by: 'default' }),
    trial(1, { proposed_by: 'a', agent_idea: '1-1' }),
    trial(2, { proposed_by: 'tpe', instead_of: 'a', dropped_idea: '1-2' }),
  ];
  const rounds = [round([idea('1-1'), idea('1-2'), idea('1-3'), idea('1-4', { agent: 'gone' })])];
  const state = agentStateOf(trials, rounds, { approval: 'none', agents }, []);
  expect(ids(state?.ideas)).toEqual(['1-3']);
  expect(state).toMatchObject({ slots: 3, given: { a: 2 }, round: 1, pending: [] });
});

test('what a person has not decided of waits again, under its number, and nothing goes through undecided', () => {
  const ideas = [
    idea('1-1', { outcome: 'approved', params: { x: 7 } }),
    idea('1-2', { outcome: 'refused by a person' }),
    idea('1-3'),
    idea('1-4'),
  ];
  const told = [{ number: 3, kind: 'trial', idea: idea('1-3') }] as const;
  const state = agentStateOf([], [round(ideas, [stop])], { approval: 'every', agents }, told);
  expect(state?.ideas).toEqual([ideas[0]]);
  expect(state?.pending.map(({ number, kind }) => [number, kind])).toEqual([
    [3, 'trial'],
    [5, 'trial'],
    [6, 'request'],
  ]);
  expect(state).toMatchObject({ approved: true, numbered: 6 });
});

test('after the first yes the rest goes through, before it nothing does', () => {
  const first = { approval: 'first', agents } as const;
  expect(agentStateOf([], [round([idea('1-1')])], first, [])?.ideas).toEqual([]);
  const some = [round([idea('1-1', { outcome: 'approved' }), idea('1-2')])];
  expect(ids(agentStateOf([], some, first, [])?.ideas)).toEqual(['1-1', '1-2']);
});

test('a study that never had an agent has no account', () => {
  expect(agentStateOf([trial(0, {})], [], { approval: 'none', agents }, [])).toBeNull();
});

test('a decision is written into its round, with the values that a person gave', () => {
  const rounds = [round([idea('1-1'), idea('1-2')], [stop]), { ...round([idea('2-1')]), round: 2 }];
  const changed = decidedRounds(rounds, [
    { id: '1-2', outcome: 'approved', params: { x: 9 } },
    { id: '1-r1', outcome: 'done' },
  ]);
  expect(changed).toHaveLength(1);
  expect(changed[0]?.ideas).toEqual([idea('1-1'), idea('1-2', { outcome: 'approved', params: { x: 9 } })]);
  expect(changed[0]?.requests).toEqual([{ ...stop, outcome: 'done' }]);
});
