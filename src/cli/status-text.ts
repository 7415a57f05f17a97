import type { StudyStatus } from '../client/study-status';
import { printable, shortNumber } from './trial-table';

/** A status in a few lines. */
export function statusText(status: StudyStatus): string {
  const { study, state, reason, best } = status;
  const lines = [
    `${printable(study, 60)}: ${state}${reason === '' ? '' : ` (${reason})`}`,
    `  trials  ${counts(status)}`,
  ];
  if (best !== null) {
    lines.push(
      `  best    ${best.values.map(shortNumber).join(', ')} (trial ${String(best.number)}) ${JSON.stringify(best.params)}`,
    );
  }
  for (const [site, what] of Object.entries(status.login_required))
    lines.push(`  login   ${site} waits for you: ${what.replaceAll('\n', '\n          ')}`);
  return lines.join('\n');
}

/** The counts in one line, without those that are nought. */
export function counts({ trials, budget }: StudyStatus): string {
  const { complete, pruned, failed, running, waiting } = trials;
  const parts = Object.entries({ complete, pruned, failed, running, waiting }).filter(
    ([name, n]) => n > 0 || name === 'complete',
  );
  const text = parts.map(([name, n]) => `${String(n)} ${name}`).join(', ');
  return budget === null ? text : `${text} of ${String(budget)}`;
}
