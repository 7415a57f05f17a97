import type { BatchStatus } from '../client/batch-handle';
import type { JobRecord } from '../storage';
import { plainLine } from '../study/plain-text';
import { plainTable } from './plain-table';

/** How a batch stands, in a few lines. */
export function batchText({ name, site, state, jobs, note }: BatchStatus): string {
  const counts = Object.entries(jobs)
    .filter(([, count]) => count > 0)
    .map(([what, count]) => `${String(count)} ${what}`)
    .join(', ');
  const lines = [`${name}: ${state} at ${site}`, `  jobs  ${counts}`];
  if (note !== null) lines.push(`  note  ${plainLine(note, 300)}`);
  return lines.join('\n');
}

/** How one job stands, in a few lines. */
export function jobText(
  name: string,
  job: JobRecord,
  { site, note }: Pick<BatchStatus, 'site' | 'note'>,
): string {
  const lines = [`${name}: ${job.state}${job.reason === null ? '' : ` (${job.reason})`} at ${site}`];
  if (job.state === 'COMPLETE') lines.push(`  result  ${shortJson(job.result)}`);
  if (job.error !== null) lines.push(`  error   ${plainLine(job.error, 300)}`);
  if (job.report !== null)
    lines.push(`  report  ${String(job.report.value)} at step ${String(job.report.step)}`);
  if (note !== null) lines.push(`  note    ${plainLine(note, 300)}`);
  if (job.directory !== null) lines.push(`  files   ${job.directory}`);
  return lines.join('\n');
}

/** Jobs in a table, the result or the error of each in a few words. */
export function jobTable(jobs: readonly JobRecord[]): string {
  return plainTable(
    ['job', 'state', 'attempts', 'result'],
    jobs.map(({ id, state, reason, error, result, attempts }) => {
      const failure = error === null ? '' : `${reason ?? ''}: ${error}`;
      return [id, state, attempts, plainLine(state === 'COMPLETE' ? shortJson(result) : failure, 60)];
    }),
  );
}

function shortJson(value: JobRecord['result']): string {
  return plainLine(JSON.stringify(value), 200);
}
