import type { Params } from '../study/space';
import type { RoundRecord } from './round';

/** What was decided of something that an agent proposed or asked for. */
export interface Decision {
  /** Of the idea or the request. */
  readonly id: string;
  /** In words, as its record keeps it. */
  readonly outcome: string;
  /** The values that a person gave an idea. */
  readonly params?: Params;
}

/** What a person's yes to an idea is recorded as. */
export const approved = 'approved';

/** The rounds that these decisions change, as they are then. */
export function decidedRounds(
  rounds: readonly RoundRecord[],
  decisions: readonly Decision[],
): readonly RoundRecord[] {
  const byId = new Map(decisions.map((decision) => [decision.id, decision]));
  return rounds.flatMap((round) => {
    if (![...round.ideas, ...round.requests].some(({ id }) => byId.has(id))) return [];
    const ideas = round.ideas.map((idea) => ({ ...idea, ...byId.get(idea.id) }));
    const requests = round.requests.map((request) => {
      const decision = byId.get(request.id);
      return decision === undefined ? request : { ...request, outcome: decision.outcome };
    });
    return [{ ...round, ideas, requests }];
  });
}
