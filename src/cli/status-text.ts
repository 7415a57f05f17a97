import { dollars } from '../agent/limits';
import type { AgentStatus, StudyStatus } from '../client/study-status';
import { appendAll } from '../study/lists';
import { shortNumber } from '../study/params-text';
import { plainLine, plainLines } from '../study/plain-text';
import { quoted } from '../study/shell-word';
import { waitingText, type Waiting, type WaitingKind } from '../study/waiting';

/** A status in a few lines. @param waiting what the study waits for */
export function statusText(status: StudyStatus, waiting: readonly Waiting[] = []): string {
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
  for (const one of waiting) if (!shownElsewhere.has(one.kind)) appendAll(lines, waitingLines(one));
  if (status.agent !== null) appendAll(lines, agentLines(status.study, status.agent));
  return plainLines(lines.join('\n'));
}

/** Kinds that are not repeated: the first line shows the state's reason, and the agent's lines show the proposals to approve. */
const shownElsewhere: ReadonlySet<WaitingKind> = new Set<WaitingKind>([
  'preparation',
  'proposal',
  'approval',
]);

function waitingLines(one: Waiting): readonly string[] {
  const text = waitingText(one).replaceAll('\n', '\n          ');
  return [`  waits   ${text}`, ...(one.action === null ? [] : [`          ${one.action}`])];
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
  const { complete, pruned, failed, running, waiting, started_by_optuna: optuna } = trials;
  const parts = Object.entries({
    ...{ complete, pruned, failed, running, waiting },
    'marked RUNNING by Optuna': optuna.running,
  }).filter(([name, n]) => n > 0 || name === 'complete');
  const text = parts.map(([name, n]) => `${String(n)} ${name}`).join(', ');
  if (budget === null) return text;
  const ended = complete + pruned + failed - optuna.ended;
  if (optuna.ended + optuna.running > 0)
    return `${text} (budget: ${String(ended + running)} of ${String(budget)})`;
  // Lowered while it ran.
  return ended > budget ? `${text} (budget: ${String(budget)})` : `${text} of ${String(budget)}`;
}
