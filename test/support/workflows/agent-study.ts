import type { CheckedAnswer, CheckedProposal } from '../../../src/agent/check-proposals';
import { noMistakes } from '../../../src/agent/round';
import type { Slot } from '../../../src/agent/turns';
import type { AgentSamplerSpec, AgentSpec } from '../../../src/study/spec';
import type { Proposals } from '../../../src/workflows/activity-types';
import type { Overrides } from './mocked-activities';
import type { MockedStudy, StudyOptions } from './mocked-study';

const model = {
  provider: 'openai_compatible',
  name: 'm',
  maxOutputTokens: 100,
  timeout: 60_000,
  retries: 1,
  callsPerMinute: 60,
  price: { input: 0, output: 0 },
} as const;
const agent: AgentSpec = { name: 'ada', persona: '', share: 0.5, by: { kind: 'model', model } };
export const sampler: AgentSamplerSpec = {
  ...{ type: 'agent', seed: 1, backbone: { type: 'random', seed: 1 }, agents: [agent], context: '' },
  ...{ batch: 2, critic: false, approval: 'none', tools: [] },
  limits: { calls: null, tokens: null, cost_usd: null },
};
/** An answer of the model; the mocked check decides what it holds. */
export const answer = {
  kind: 'answer',
  text: 'an answer',
  usage: { tokens: 10, costUsd: 0 },
  model: 'm',
} as const;

export function proposal(x: number): CheckedProposal {
  return { params: { x, n: 3, c: 'a' }, rationale: `because of ${String(x)}` };
}

export function checked(changes: Partial<CheckedAnswer> = {}): CheckedAnswer {
  return {
    proposals: [proposal(0.1), proposal(0.2)],
    requests: [],
    problems: [],
    mistakes: noMistakes,
    ...changes,
  };
}

/** Options of a study whose model always answers, with two valid proposals; one trial at a time. */
export function agentStudy(
  { activities, budget, spec, ...options }: StudyOptions = {},
  changes: Partial<AgentSamplerSpec> = {},
): StudyOptions {
  let next = 0;
  const defaults: Overrides = {
    agentObserve: () => ({ summary: 'the study', notes: '', news: false, seen: 0 }),
    agentPropose: () => answer,
    agentValidate: () => checked(),
    propose: (_study, _version, { slots = [] }): Proposals => ({
      trials: slots.map((slot) => ({
        ...{ number: next++, summary: slot.by },
        ...(slot.by === 'idea' ? { idea: slot.idea.id } : {}),
      })),
      exhausted: false,
    }),
  };
  return {
    ...options,
    spec: { sampler: { ...sampler, ...changes }, ...spec },
    budget: { trials: 4, parallel: 1, ...budget },
    activities: { ...defaults, ...activities },
  };
}

/** Who filled each slot of the study, in order. */
export function slots(study: MockedStudy): readonly Slot[] {
  return study.mocks.callsOf('propose').flatMap(([, , { slots: some = [] }]) => some);
}

/** The same in words: the id of an idea, the backbone, or why it fills the slot of a model. */
export function fillers(study: MockedStudy): readonly string[] {
  return slots(study).map((slot) =>
    slot.by === 'idea' ? slot.idea.id : 'insteadOf' in slot ? `instead: ${slot.reason}` : slot.by,
  );
}
