import { BatchHandle } from '../../../src/client/batch-handle';
import type { Session } from '../../../src/client/session';
import type { JobCounts } from '../../../src/jobs/job';
import type { Batch } from '../../../src/storage/batches';
import type { PerdureError } from '../../../src/study/error';

const running: JobCounts = { WAITING: 0, RUNNING: 1, FAIL: 0, COMPLETE: 0 };
const complete: JobCounts = { WAITING: 0, RUNNING: 0, FAIL: 0, COMPLETE: 1 };

/** A job whose ledger tells these counts, one after the other, and whose workflow is seen so. */
function handle(counts: readonly JobCounts[], seen: () => { readonly name: string }): BatchHandle {
  const left = [...counts];
  const countJobs = (): Promise<JobCounts> =>
    Promise.resolve(left.length > 1 ? left.shift()! : (left[0] ?? complete));
  const client = {
    connection: { withDeadline: (_: number, work: () => unknown) => work() },
    workflow: {
      getHandle: () => ({
        describe: () => Promise.resolve({ status: seen(), raw: {} }),
      }),
    },
  };
  const session = { ledger: { batches: { countJobs } }, client: () => Promise.resolve(client) };
  const batch = { name: 'j', kind: 'job', site: 'local', uuid: 'u' } as Batch;
  return new BatchHandle(session as unknown as Session, batch);
}

test('a job that ends while Temporal is asked for it is not told to be gone', async () => {
  const status = await handle([running, complete], () => ({ name: 'COMPLETED' })).status();
  expect(status).toMatchObject({ state: 'COMPLETE', note: null });
  expect(await handle([running], () => ({ name: 'COMPLETED' })).status()).toMatchObject({
    state: 'RUNNING',
    note: 'its workflow is gone; submit it again to go on',
  });
});

test('whoever waits for a job is told of an outage once, and goes on waiting', async () => {
  let asked = 0;
  const job = handle([running, running, running, running, complete], () => {
    asked += 1;
    if (asked < 3) throw new Error('no connection');
    return { name: 'RUNNING' };
  });
  const outages: string[] = [];
  const states: string[] = [];
  for await (const { state } of job.watch(undefined, ({ text }: PerdureError) => outages.push(text)))
    states.push(state);
  expect(states).toEqual(['RUNNING', 'COMPLETE']);
  expect(outages).toHaveLength(1);
  expect(outages[0]).toContain('no connection');
});
