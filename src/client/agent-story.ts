import { awaitingAttr, awaitingOf } from '../agent/awaiting';
import type { RoundRecord } from '../agent/round';
import { tallyOf, type ProposerTally } from '../agent/tally';
import type { Pending } from '../agent/turns';
import type { CallRow, Ledger, LedgerStudy } from '../storage/ledger';
import type { AgentSamplerSpec } from '../study/spec';
import type { Trial } from '../study/trial';
import type { AgentStatus, AwaitingApproval } from './study-status';

/** All that is known of who proposed what, and why. */
export interface StudyExplanation {
  readonly study: string;
  /** `null` where the sampler is none (any more). */
  readonly sampler: AgentSamplerSpec | null;
  readonly status: AgentStatus | null;
  readonly tally: readonly ProposerTally[];
  readonly rounds: readonly RoundRecord[];
  readonly calls: readonly CallRow[];
  readonly trials: readonly Trial[];
}

/** @param ended nothing can be approved any more */
export async function agentStatus(
  ledger: Ledger,
  { name, perdure, attrs }: LedgerStudy,
  ended: boolean,
): Promise<AgentStatus | null> {
  const sampler = perdure?.spec.sampler;
  if (sampler?.type !== 'agent') return null;
  const [all, { calls, tokens, costUsd }] = await Promise.all([
    ledger.listRounds(name),
    ledger.spentOnCalls(name),
  ]);
  const rounds = all.filter(({ end }) => end !== 'reflected');
  const failed = rounds.filter(({ ideas }) => ideas.length === 0);
  const last = rounds.at(-1);
  return {
    rounds: rounds.length,
    fallbacks: failed.length,
    ...{ calls, tokens, cost_usd: costUsd, limits: sampler.limits },
    note: last === undefined || last.ideas.length > 0 ? '' : noteOf(last, rounds, sampler.backbone.type),
    awaiting_approval: ended ? [] : awaitingOf(attrs[awaitingAttr]).map(shown),
  };
}

function noteOf({ reason }: RoundRecord, rounds: readonly RoundRecord[], backbone: string): string {
  const all = rounds.every(({ ideas }) => ideas.length === 0);
  const who = all ? `${backbone} proposed every trial in its place` : `${backbone} proposes in its place`;
  return `${who}: ${reason}`;
}

function shown(one: Pending): AwaitingApproval {
  const { number } = one;
  if (one.kind === 'trial') {
    const { agent, params, rationale } = one.idea;
    return { number, agent, what: JSON.stringify(params), why: rationale };
  }
  const { agent, tool, arguments: args, reason } = one.request;
  return { number, agent, what: `${tool} ${JSON.stringify(args)}`, why: reason };
}

export async function explainStudy(ledger: Ledger, study: LedgerStudy): Promise<StudyExplanation> {
  const { name, directions, perdure } = study;
  const [trials, rounds, calls, status] = await Promise.all([
    ledger.readTrials(name, { reports: false }),
    ledger.listRounds(name),
    ledger.listCalls(name),
    agentStatus(ledger, study, false),
  ]);
  const sampler = perdure?.spec.sampler;
  return {
    ...{ study: name, sampler: sampler?.type === 'agent' ? sampler : null, status },
    ...{ tally: tallyOf(trials, directions), rounds, calls, trials },
  };
}
