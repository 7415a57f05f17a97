import {
  allHandlersFinished,
  ApplicationFailure,
  CancellationScope,
  condition,
  isCancellation,
  setCurrentDetails,
  setHandler,
} from '@temporalio/workflow';
import type { BatchInput, JobTally } from './batch-input';
import { JobWindow } from './job-window';
import { continueAsNewRun, historyIsLong, waitsForAnswer } from './long-history';
import { cancelJobs } from './messages';

/** How the jobs of a batch ended; of the failures, the latest. */
export type BatchResult = JobTally;

/**
 * Jobs without a study from the first to the last: as long as there is room, the next one is started; those that had ended
 * before are left out, so that a batch can be gone on with.
 */
export async function batch(input: BatchInput): Promise<BatchResult> {
  return (await runJobs(input, 'batch')).ended;
}

/** A single job without a study. It fails where the job does, so that lists in Temporal UI show it. */
export async function job(input: BatchInput): Promise<BatchResult> {
  const { ended: result } = await runJobs(input, 'job');
  if (result.failed === 0) return result;
  throw ApplicationFailure.nonRetryable(`the job failed: ${result.failures.join(', ')}`, 'JobFailed', result);
}

/** What runs jobs: the types of workflow. */
type Kind = 'job' | 'batch' | 'diagnosis';

/** Runs the jobs of a batch. `firstEnd`: milliseconds from the start of this run to the first end. */
export async function runJobs(
  input: BatchInput,
  kind: Kind,
): Promise<{ readonly ended: BatchResult; readonly firstEnd: number }> {
  const begun = Date.now();
  const window: JobWindow = new JobWindow(input, () => {
    setCurrentDetails(kind === 'job' ? describeJob(window) : describeBatch(window, input));
  });
  setHandler(cancelJobs, async ({ number }) => {
    if (number === null) await window.stop('cancelled by a person');
    else await window.cancel(number, 'cancelled by a person');
  });
  try {
    if (kind === 'batch' && input.carried === undefined) await window.count();
    await run(input, kind, window);
  } catch (error) {
    if (!isCancellation(error)) throw error;
    // Cancelled in Temporal UI. What is in flight is ended by its own cancellation.
    await CancellationScope.nonCancellable(() => window.stop('cancelled by a person'));
  }
  await CancellationScope.nonCancellable(() => condition(allHandlersFinished));
  return { ended: window.ended, firstEnd: (window.firstEnd ?? Date.now()) - begun };
}

async function run(input: BatchInput, kind: Kind, window: JobWindow): Promise<void> {
  const isLong = (): boolean => {
    // A diagnosis has few jobs.
    if (kind === 'diagnosis') return false;
    return historyIsLong(input.continueAfterEvents) && !waitsForAnswer();
  };
  if (await window.run(isLong)) return;
  await condition(allHandlersFinished);
  const next: BatchInput = { ...input, carried: window.leave() };
  if (kind === 'job') await continueAsNewRun<typeof job>(next);
  else await continueAsNewRun<typeof batch>(next);
}

function describeJob({ running, ended }: JobWindow): string {
  const [only] = running;
  if (only !== undefined) return only.details;
  return ended.failed > 0 ? `failed: ${ended.failures.join(', ')}` : 'complete';
}

function describeBatch({ running, ended }: JobWindow, { count, site, parallel }: BatchInput): string {
  const lines = [
    `- jobs ended: ${String(ended.complete + ended.failed)} of ${String(count)} (${String(ended.failed)} failed)`,
    `- running at ${site} (at most ${String(parallel)}): ${running.length === 0 ? 'none' : listed(running.map(({ id }) => id))}`,
  ];
  if (ended.failures.length > 0) lines.push(`- latest failures: ${ended.failures.join(', ')}`);
  return lines.join('\n');
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, 20).join(', ');
  return names.length > 20 ? `${shown} and ${String(names.length - 20)} more` : shown;
}
