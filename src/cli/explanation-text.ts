import { dollars } from '../agent/limits';
import { proposerOf } from '../agent/tally';
import { callName, type Mistakes, type RoundRecord } from '../agent/round';
import type { CallPreview } from '../client/preview-call';
import type { StudyExplanation } from '../client/agent-story';
import type { CallRow } from '../storage/ledger';
import { appendAll } from '../study/lists';
import { shortNumber } from '../study/params-text';
import { plainLine } from '../study/plain-text';
import type { Trial } from '../study/trial';
import { usageText } from './status-text';
import { plainTable } from './plain-table';

/** The story of a study's agents. What models and trials said is shown as one line each. */
export function explanationText(explanation: StudyExplanation): string {
  const { study, sampler, status, rounds, tally } = explanation;
  const lines = [`study '${plainLine(study, 60)}'`];
  if (sampler !== null && status !== null) {
    const shares = sampler.agents.map(({ name, share }) => `${name} ${percent(share)}`).join(', ');
    lines.push(
      `  ${shares} of the trials; the backbone ${sampler.backbone.type} the rest`,
      `  ${usageText(status)}`,
    );
    if (status.note !== '') lines.push(`  ${plainLine(status.note, 400)}`);
  } else if (rounds.length === 0) {
    lines.push('  no language model proposes in it');
  }
  lines.push('', tallyTable(tally));
  for (const round of rounds) appendAll(lines, ['', ...roundLines(round, explanation)]);
  const notes = rounds.findLast((round) => round.notes !== '')?.notes ?? '';
  if (notes !== '')
    appendAll(lines, ['', 'notes', ...notes.split('\n').map((line) => `  ${plainLine(line, 400)}`)]);
  return lines.join('\n');
}

function tallyTable(tally: StudyExplanation['tally']): string {
  return plainTable(
    ['proposed by', 'trials', 'complete', 'failed', 'best', 'improvements', 'tokens', 'cost'],
    tally.map(({ proposer, trials, complete, failed, best, improvements, tokens, costUsd }) => [
      plainLine(proposer, 40),
      trials,
      complete,
      failed,
      best === null ? '' : shortNumber(best),
      improvements,
      tokens,
      dollars(costUsd),
    ]),
  );
}

function roundLines(round: RoundRecord, { calls, trials }: StudyExplanation): readonly string[] {
  const { agent, end, reason, repairs, mistakes, problems } = round;
  const repaired = repairs === 0 ? '' : `, ${String(repairs)} repairs`;
  return [
    `round ${String(round.round)} of ${agent}: ${end}${repaired}${reason === '' ? '' : `: ${plainLine(reason, 400)}`}`,
    ...calls.filter((call) => call.round === round.round).map((call) => `  ${callLine(call)}`),
    ...round.ideas.map(({ id, params, rationale, outcome = 'not tried' }) => {
      const trial = trials.find(({ userAttrs }) => userAttrs['agent_idea'] === id);
      const became =
        trial === undefined ? plainLine(outcome, 200) : `trial ${String(trial.number)}, ${resultOf(trial)}`;
      return `  - ${became}: ${plainLine(JSON.stringify(params), 300)} ${plainLine(rationale, 300)}`;
    }),
    ...round.requests.map(
      ({ tool, arguments: args, reason: why, outcome = 'open' }) =>
        `  - asked for ${tool} ${plainLine(JSON.stringify(args), 200)} (${plainLine(why, 200)}): ${plainLine(outcome, 200)}`,
    ),
    ...(mistakeText(mistakes) === '' ? [] : [`  mistakes: ${mistakeText(mistakes)}`]),
    ...problems.map((problem) => `  problem: ${plainLine(problem, 300)}`),
  ];
}

function callLine(call: CallRow): string {
  const { purpose, model, state, tokens, costUsd, error, try: n } = call;
  const again = n === 1 ? '' : ` (try ${String(n)})`;
  const words = { begun: 'never came back', answered: 'answered', failed: 'failed', free: 'not answered' }[
    state
  ];
  const why = error === null ? '' : `: ${plainLine(error, 200)}`;
  return `call ${callName(call)}${again} ${purpose} by ${plainLine(model, 60)}: ${words}, ${String(tokens)} tokens, ${dollars(costUsd)}${why}`;
}

function mistakeText(mistakes: Mistakes): string {
  return Object.entries(mistakes)
    .filter(([, count]) => count > 0)
    .map(([kind, count]) => `${String(count)} ${kind}`)
    .join(', ');
}

function resultOf({ state, values }: Trial): string {
  return values === null ? state : `${state} ${values.map(shortNumber).join(', ')}`;
}

/** Where one trial comes from. */
export function trialExplanation(explanation: StudyExplanation, trial: Trial): string {
  const { rationale, agent_idea, agent_call, agent_model } = trial.userAttrs;
  const { agent_tokens, agent_cost_usd, instead_of, fallback, preferred_site, site } = trial.userAttrs;
  const proposer = proposerOf(trial);
  const others: Readonly<Record<string, string>> = {
    enqueued: 'a person',
    sampler: 'the sampler, or Optuna',
  };
  const by = others[proposer] ?? proposer;
  const lines = [
    `trial ${String(trial.number)}: ${resultOf(trial)}`,
    `  ${plainLine(JSON.stringify(trial.params), 1000)}`,
    `  proposed by ${plainLine(by, 60)}`,
  ];
  const text = (value: unknown): string => plainLine(String(value), 1000);
  if (fallback !== undefined) lines.push(`  in the place of ${text(instead_of)}: ${text(fallback)}`);
  if (rationale !== undefined) lines.push(`  because: ${text(rationale)}`);
  if (preferred_site !== undefined) {
    const there = site === undefined || site === preferred_site ? '' : `; it ran at ${text(site)}`;
    lines.push(`  it was to run at ${text(preferred_site)}${there}`);
  }
  if (agent_call !== undefined) {
    const cost = typeof agent_cost_usd === 'number' ? dollars(agent_cost_usd) : '';
    lines.push(
      `  call ${text(agent_call)} of ${text(agent_model)}; its part is ${text(agent_tokens)} tokens, ${cost}`,
    );
  }
  const round = explanation.rounds.find(({ ideas }) => ideas.some(({ id }) => id === agent_idea));
  if (round !== undefined) appendAll(lines, ['', ...roundLines(round, explanation)]);
  return lines.join('\n');
}

/** All that would be sent, as it would be. */
export function previewText({ agent, conversation, schema, most }: CallPreview): string {
  const to =
    agent.by.kind === 'model'
      ? `${agent.by.model.name} (${agent.by.model.provider}${agent.by.model.baseUrl === undefined ? '' : `, ${agent.by.model.baseUrl}`})`
      : agent.by.kind;
  const bound =
    most === null
      ? ''
      : `\nreserved before the call: ${String(most.tokens)} tokens, ${dollars(most.costUsd)}`;
  const messages = conversation.messages.map(({ role, content }) => `--- ${role}\n${content}`).join('\n');
  return `=== agent ${agent.name} to ${to}${bound}\n--- system\n${conversation.system}\n${messages}\n--- schema of the answer\n${JSON.stringify(schema)}`;
}

function percent(share: number): string {
  return `${String(Number((share * 100).toPrecision(4)))} %`;
}
