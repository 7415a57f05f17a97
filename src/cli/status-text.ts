import { dollars } from '../agent/limits';
import type { AgentStatus, StudyStatus } from '../client/study-status';
import type { WaitingTrial } from '../client/waiting-trials';
import { appendAll } from '../study/lists';
import { shortNumber } from '../study/params-text';
import { plainLine, plainLines } from '../study/plain-text';
import { quoted } from './shell-word';

/** A status in a few lines. @param waiting what running trials wait for */
export function statusText(status: StudyStatus, waiting: readonly WaitingTrial[] = []): string {
  const { study, state, reason, best } = status;
  const lines = [
    `${plainLine(study, 60)}: ${state}${reason === '' ? '' : ` (${reason})`}`,
    `  trials  ${counts(status)}`,
  ];
  if (best !== null) {
    lines.push(
      `  best    ${best.values.map(shortNumber).join(', ')} (trial ${String(best.number)}) ${JSON.stringify(best.params)}`,
    );
  }
  for (const [why, numbers] of byReason(waiting))
    lines.push(`  waits   ${numbersText(numbers)}: ${plainLine(why, 300)}`);
  if (status.agent !== null) appendAll(lines, agentLines(status.study, status.agent));
  for (const [site, what] of Object.entries(status.login_required))
    lines.push(`  login   ${site} waits for you: ${what.replaceAll('\n', '\n          ')}`);
  return plainLines(lines.join('\n'));
}

function byReason(waiting: readonly WaitingTrial[]): ReadonlyMap<string, readonly number[]> {
  const reasons = new Map<string, number[]>();
  for (const { number, why } of waiting) reasons.set(why, [...(reasons.get(why) ?? []), number]);
  return reasons;
}

function numbersText(numbers: readonly number[]): string {
  const shown = numbers.slice(0, 4).map(String).join(', ');
  const more = numbers.length > 4 ? ` and ${String(numbers.length - 4)} more` : '';
  return `trial${numbers.length === 1 ? '' : 's'} ${shown}${more}`;
}

function agentLines(study: string, agent: AgentStatus): readonly string[] {
  const { rounds, fallbacks, note, awaiting_approval } = agent;
  const without = fallbacks === 0 ? '' : `, ${String(fallbacks)} without a proposal`;
  return [
    `  agent   ${String(rounds)} rounds${without}; ${usageText(agent)}`,
    ...(note === '' ? [] : [`          ${plainLine(note, 300)}`]),
    ...awaiting_approval.map(
      ({ number, agent: by, what, why }) =>
        `  approve proposal ${String(number)} of ${by}: ${plainLine(what, 200)}${why === '' ? '' : ` (${plainLine(why, 200)})`}`,
    ),
    ...(awaiting_approval.length === 0
      ? []
      : [`          type: perdure approve ${quoted(study)} [N], or perdure reject ${quoted(study)} [N]`]),
  ];
}

/** What calls have used up, of what they may. */
export function usageText({ calls, tokens, cost_usd, limits }: AgentUsage): string {
  const of = (limit: number | null, text: (n: number) => string): string =>
    limit === null ? '' : ` of ${text(limit)}`;
  const count = (n: number): string => n.toLocaleString('en');
  return `${count(calls)}${of(limits.calls, count)} calls, ${count(tokens)}${of(limits.tokens, count)} tokens, ${dollars(cost_usd)}${of(limits.cost_usd, dollars)}`;
}

type AgentUsage = Pick<AgentStatus, 'calls' | 'tokens' | 'cost_usd' | 'limits'>;

/** The counts in one line, without those that are nought. */
export function counts({ trials, budget }: StudyStatus): string {
  const { complete, pruned, failed, running, waiting } = trials;
  const parts = Object.entries({ complete, pruned, failed, running, waiting }).filter(
    ([name, n]) => n > 0 || name === 'complete',
  );
  const text = parts.map(([name, n]) => `${String(n)} ${name}`).join(', ');
  if (budget === null) return text;
  // Lowered while it ran, or not all of them are of this budget: Optuna's own are not.
  if (complete + pruned + failed > budget) return `${text} (budget: ${String(budget)})`;
  return `${text} of ${String(budget)}`;
}
