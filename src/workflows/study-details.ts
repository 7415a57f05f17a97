import { appendAll } from '../study/lists';
import { isFiniteValue, type StudyStateMachine } from '../study/study-state';

/** A study at a glance, in Markdown, for Temporal UI. */
export function describeStudy(state: StudyStateMachine, agents: readonly string[] = []): string {
  const { tally, spec, running } = state;
  const total = spec.budget.trials === null ? '' : ` of ${String(spec.budget.trials)}`;
  const lines = [
    `**${state.state}**${state.reason === '' ? '' : `: ${state.reason}`}`,
    '',
    `- trials ended: ${String(tally.ended)}${total}`,
    `- running (at most ${String(spec.budget.parallel)}): ${running.length === 0 ? 'none' : listed(running)}`,
    `- objective: ${spec.objectives.map(({ metric, direction }) => `${direction} ${metric}`).join(', ')}`,
  ];
  if (tally.best !== null)
    lines.push(`- best: ${shown(tally.best.value)} (trial ${String(tally.best.number)})`);
  if (tally.failuresInRow > 0) lines.push(`- failed in a row: ${String(tally.failuresInRow)}`);
  for (const site of state.loginRequired)
    lines.push(`- **site ${site} needs a login**: its trials wait; type \`perdure login ${site}\``);
  lines.push(
    `- sampler: ${spec.sampler.type}; sites: ${spec.sites.join(', ')}; specification ${String(state.specVersion)}`,
  );
  appendAll(lines, agents);
  return lines.join('\n');
}

function shown(value: number): string {
  return isFiniteValue(value) ? String(value) : value < 0 ? '-Infinity' : 'Infinity';
}

function listed(numbers: readonly number[]): string {
  const shown = numbers.slice(0, 20).join(', ');
  return numbers.length > 20 ? `${shown} and ${String(numbers.length - 20)} more` : shown;
}
