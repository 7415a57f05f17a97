import { approved } from '../agent/decisions';
import type { RoundRecord } from '../agent/round';
import { noTurns, type AgentState, type Pending } from '../agent/turns';
import { largest } from '../study/lists';
import type { AgentSamplerSpec } from '../study/spec';
import type { Trial } from '../study/trial';

/**
 * The agents' account of a study that is opened again, from the ledger alone; `null` where it never had an agent. What was
 * accepted and not tried is tried yet, and what a person has not decided of waits again.
 * @param trials the study's own
 * @param told what people were shown as waiting last: it keeps its numbers
 */
export function agentStateOf(
  trials: readonly Trial[],
  rounds: readonly RoundRecord[],
  { approval, agents }: Pick<AgentSamplerSpec, 'approval' | 'agents'>,
  told: readonly Pending[],
): AgentState | null {
  const given: Record<string, number> = {};
  const gone = new Set<unknown>();
  for (const { userAttrs } of trials) {
    const by = userAttrs['instead_of'] ?? userAttrs['proposed_by'];
    if (typeof by === 'string') given[by] = (given[by] ?? 0) + 1;
    gone.add(userAttrs['agent_idea']).add(userAttrs['dropped_idea']);
  }
  const round = rounds.at(-1)?.round ?? 0;
  if (round === 0 && Object.keys(given).length === 0) return null;
  const all = rounds.flatMap(({ ideas }) => ideas);
  const present = new Set(agents.map(({ name }) => name));
  const left = all.filter(({ id, agent }) => !gone.has(id) && present.has(agent));
  const someApproved = all.some(({ outcome }) => outcome === approved);
  const waits = approval === 'every' || (approval === 'first' && !someApproved);
  const numbers = new Map(told.map((one) => [idOf(one), one.number]));
  let numbered = largest([0, all.length, ...numbers.values()]);
  const numberOf = (id: string): number => numbers.get(id) ?? ++numbered;
  const undecided = !waits
    ? []
    : [
        ...left
          .filter(({ outcome }) => outcome === undefined)
          .map((idea): Pending => ({ number: numberOf(idea.id), kind: 'trial', idea })),
        ...rounds
          .flatMap(({ requests }) => requests)
          .filter(({ agent, outcome }) => outcome === undefined && present.has(agent))
          .map((request): Pending => ({ number: numberOf(request.id), kind: 'request', request })),
      ];
  return {
    ...{ ...noTurns, slots: trials.length, given, round, approved: someApproved },
    ideas: left.filter(({ outcome }) => outcome === approved || (outcome === undefined && !waits)),
    pending: undecided.toSorted((a, b) => a.number - b.number),
    numbered,
  };
}

function idOf(pending: Pending): string {
  return pending.kind === 'trial' ? pending.idea.id : pending.request.id;
}
