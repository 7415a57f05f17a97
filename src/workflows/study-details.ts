import { appendAll } from '../study/lists';
import type { StudyStateMachine } from '../study/study-state';
import { isFiniteValue } from '../study/tally';
import { waitingFor, waitingText, type StudyFacts, type Waiting } from '../study/waiting';

/** What {@link describeStudy} shows of a study's agents. */
export interface AgentDetails {
  /** Lines of Markdown. */
  readonly lines: readonly string[];
  /** Numbers of the proposals that need an approval. */
  readonly approvals: readonly number[];
}

/** A study at a glance, in Markdown, for Temporal UI. */
export function describeStudy(state: StudyStateMachine, { lines: agents, approvals }: AgentDetails): string {
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
  appendAll(lines, waitingFor(factsOf(state, approvals)).map(waitingLine));
  lines.push(
    `- sampler: ${spec.sampler.type}; sites: ${spec.sites.join(', ')}; specification ${String(state.specVersion)}`,
  );
  appendAll(lines, agents);
  return lines.join('\n');
}

/** The facts that a workflow has; it does not know about its workers or its failing tasks. */
function factsOf(state: StudyStateMachine, approvals: readonly number[]): StudyFacts {
  return {
    study: state.spec.name,
    state: state.state,
    reason: state.reason,
    running: state.running.length,
    logins: Object.fromEntries(state.loginRequired.map((site) => [site, 'it needs a login'])),
    approvals,
  };
}

function waitingLine(one: Waiting): string {
  return `- **waits**: ${waitingText(one)}${one.action === null ? '' : `; type \`${one.action}\``}`;
}

function shown(value: number): string {
  return isFiniteValue(value) ? String(value) : value < 0 ? '-Infinity' : 'Infinity';
}

function listed(numbers: readonly number[]): string {
  const shown = numbers.slice(0, 20).join(', ');
  return numbers.length > 20 ? `${shown} and ${String(numbers.length - 20)} more` : shown;
}
