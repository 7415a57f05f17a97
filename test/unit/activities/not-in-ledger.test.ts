import { asyncLocalStorage, type Context } from '@temporalio/activity';
import { createBatchActivities } from '../../../src/activities/batch-activities';
import { readJob } from '../../../src/activities/job-records';
import { StudyContexts } from '../../../src/activities/study-context';
import type { Ledger } from '../../../src/storage';

const ledger = {
  url: 'sqlite:///other.db',
  findStudy: () => Promise.resolve(null),
  batches: { find: () => Promise.resolve(null), readJobs: () => Promise.resolve([]) },
} as unknown as Ledger;
const ref = { name: 'n', uuid: 'u' };
const context = { info: { attempt: 1, isLocal: true } } as unknown as Context;
const nextJobs = (): Promise<unknown> =>
  asyncLocalStorage.run(context, () => createBatchActivities({ ledger }).nextJobs(ref, 0, 1));

test.each([
  ["the ledger has no study 'n'", 'started the study', () => new StudyContexts(ledger, 'host').confirm(ref)],
  ["the ledger has no job 3 of 'n'", 'it was submitted with', () => readJob(ledger, ref, 3)],
])('%s: another worker may have it', async (message, right, read) => {
  await expect(read()).rejects.toMatchObject({
    kind: 'Unavailable',
    elsewhere: true,
    text: `sqlite:///other.db: ${message}\n  this worker may be using another ledger than the one that ${right}`,
  });
});

test('a list of jobs that another worker may have is asked for again soon', async () => {
  await expect(nextJobs()).rejects.toMatchObject({
    type: 'Unavailable',
    nonRetryable: false,
    message: expect.stringContaining("the ledger has no 'n'\n  this worker may be using another") as string,
    nextRetryDelay: 500,
  });
});
