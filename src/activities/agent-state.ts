import type { RoundRecord } from '../agent/round';
import { noTurns, type AgentState } from '../agent/turns';
import type { Trial } from '../study/trial';

/**
 * The agents' account of a study that is opened again, from the ledger alone; `null` where it never had an agent.
 * @param trials the study's own
 */
export function agentStateOf(trials: readonly Trial[], rounds: readonly RoundRecord[]): AgentState | null {
  const given: Record<string, number> = {};
  for (const { userAttrs } of trials) {
    const by = userAttrs['instead_of'] ?? userAttrs['proposed_by'];
    if (typeof by === 'string') given[by] = (given[by] ?? 0) + 1;
  }
  const round = rounds.at(-1)?.round ?? 0;
  if (round === 0 && Object.keys(given).length === 0) return null;
  return { ...noTurns, slots: trials.length, given, round };
}
