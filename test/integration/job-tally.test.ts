import { openBatch } from '../../src/client/open-batch';
import type { Session } from '../../src/client/session';
import { loadJobs } from '../../src/config';
import { type Installation, until } from '../support/installation';
import { OwnWorkers } from '../support/own-workers';

/* The numbers that the workflow of a list tells, in its result and in Temporal UI. */

let installation: Installation;
let session: Session;
let workers: OwnWorkers;

beforeAll(async () => {
  workers = await OwnWorkers.begin();
  ({ installation, session } = workers);
});
afterAll(() => workers.destroy());

test('a job that ends while another one is cancelled is counted once', async () => {
  const lines = ['first', 'second', 'third'].map((job_id) => JSON.stringify({ job_id, command: ['true'] }));
  const { jobs } = await loadJobs(installation.write('jobs.jsonl', lines.join('\n')));
  installation.arm('after-record');
  await workers.start('one', 1);
  const { handle } = await openBatch(session, {
    kind: 'batch',
    name: 'counted',
    site: 'local',
    parallel: 1,
    jobs,
  });
  await until('the ledger has the end of the first', () => installation.hit('after-record'));
  // The first worker stands still; this one carries out the request.
  await workers.start('two', 1);
  const { number } = await handle.job('third');
  await handle.cancel(number);
  installation.go('after-record');
  const client = await session.client();
  const result: unknown = await client.workflow.getHandle(handle.workflowId).result();
  expect(result).toEqual({ complete: 2, failed: 1, failures: ['third (cancelled)'] });
});
