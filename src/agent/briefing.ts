import type { SiteView } from '../study/site-choice';
import type { Params } from '../study/space';
import type { AgentSpec, StudySpec } from '../study/spec';
import { budgetUsed } from '../study/outcome';
import { isFinal, type Trial } from '../study/trial';
import { longestNotes, proposePrompt } from './prompts';
import type { Conversation, RoundRecord } from './round';
import { summarize } from './summary';

/** Where a study stands when an agent is asked. */
export interface StudyNow {
  readonly spec: StudySpec;
  /** All of them, with user attributes. */
  readonly trials: readonly Trial[];
  /** Numbers of the trials that Perdure started. */
  readonly proposed: ReadonlySet<number>;
  readonly rounds: readonly RoundRecord[];
  /** What the backbone would try next. */
  readonly candidates: readonly Params[];
  readonly sites: readonly SiteView[];
}

/** What one agent is told of it. */
export interface AgentView {
  readonly summary: string;
  readonly notes: string;
  /** How many trials of its proposals have ended. */
  readonly seen: number;
  /** Some of them since it looked last. */
  readonly news: boolean;
}

/** @param before only earlier rounds than this one count */
export function viewFor(agent: string, now: StudyNow, before = Infinity): AgentView {
  const { spec, trials, proposed, rounds, candidates, sites } = now;
  const finished = trials.filter(({ state }) => isFinal(state));
  const own = (trial: Trial): boolean => trial.userAttrs['proposed_by'] === agent;
  const earlier = rounds.filter((record) => record.agent === agent && record.round < before);
  const summary = summarize({
    ...{ spec, finished, candidates, sites, own },
    running: trials.filter(({ state }) => state === 'RUNNING'),
    budgetUsed: budgetUsed(trials, proposed),
    backbone: spec.sampler.type === 'agent' ? spec.sampler.backbone.type : spec.sampler.type,
  });
  const seen = finished.filter(own).length;
  const notes = earlier.findLast((record) => record.notes !== '')?.notes ?? '';
  return { summary, notes: notes.slice(0, longestNotes), seen, news: seen > (earlier.at(-1)?.seen ?? 0) };
}

/** The next call for proposals, as it would be made now. */
export function nextCall(agent: AgentSpec, now: StudyNow): Conversation | null {
  const { sampler, sites } = now.spec;
  if (sampler.type !== 'agent' || agent.by.kind === 'sampler') return null;
  const { summary, notes } = viewFor(agent.name, now);
  return proposePrompt({
    ...{ sampler, persona: agent.persona, summary, notes, remarks: [], wanted: sampler.batch, sites },
  });
}
