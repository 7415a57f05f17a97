import { existsSync } from 'node:fs';
import { readBounded, UnreadableFile } from '../bounded-file';
import { parseResult, tailBytes, tailOf } from '../job-result';
import { parseReports, type ReportsFile } from '../reports-file';
import type { JobOutput, Report } from '../scheduler';
import type { JobDirectory } from './job-directory';

/** Bytes of a result; a trial's metrics take a few hundred. */
const maxResult = 2 ** 20;
/** Bytes of reported values, some 500,000 lines; what comes after them is not read. */
const maxReports = 16 * 2 ** 20;
const maxError = 2 ** 14;

/** What the job has reported so far. */
export async function readReports(job: JobDirectory): Promise<readonly Report[]> {
  return (await readReportsFile(job)).reports;
}

async function readReportsFile(job: JobDirectory): Promise<ReportsFile> {
  return parseReports((await textOf(job.file('intermediate.jsonl'), maxReports)) ?? '');
}

/** What a job left behind. A trial may have left anything where these files belong; none of it is an error of ours. */
export async function readOutput(job: JobDirectory): Promise<JobOutput> {
  const [result, { reports, invalid }, error, tail] = await Promise.all([
    readResult(job.file('result.json')),
    readReportsFile(job),
    textOf(job.file('result.json.error'), maxError),
    readTail(job.log),
  ]);
  return {
    result,
    reports,
    invalidReports: invalid,
    sawPrune: existsSync(job.file('prune.seen')),
    pruneAsked: existsSync(job.file('prune')),
    tail,
    error: error?.replaceAll('\u0000', '\ufffd'),
    directory: job.path,
  };
}

async function readResult(path: string): Promise<JobOutput['result']> {
  try {
    const read = await readBounded(path, maxResult);
    if (read === null) return undefined;
    if (read.size > maxResult) return { error: `the result has more than ${String(maxResult)} bytes` };
    return parseResult(new TextDecoder().decode(read.bytes));
  } catch (error) {
    if (error instanceof UnreadableFile) return { error: `the result is of no use: ${error.message}` };
    throw error;
  }
}

async function readTail(path: string): Promise<string> {
  try {
    // Some more than is shown, so that the cut is seen.
    const read = await readBounded(path, tailBytes + 4, 'end');
    return read === null ? '' : tailOf(read.bytes);
  } catch (error) {
    if (error instanceof UnreadableFile) return '';
    throw error;
  }
}

async function textOf(path: string, most: number): Promise<string | null> {
  try {
    const read = await readBounded(path, most);
    return read === null ? null : new TextDecoder().decode(read.bytes);
  } catch (error) {
    if (error instanceof UnreadableFile) return null;
    throw error;
  }
}
