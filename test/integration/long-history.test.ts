import { openBatch } from '../../src/client/open-batch';
import type { Session } from '../../src/client/session';
import { loadJobs } from '../../src/config';
import { HeldStudy } from '../support/held-study';
import { until } from '../support/installation';
import { TwoSites } from '../support/jobs-at-sites';

/* A history is long, and somebody waits for what only its run can answer: the end of something at a site that does not end it. */

let sites: TwoSites;
let session: Session;

beforeAll(async () => {
  sites = await TwoSites.start();
  await sites.installation.must('up');
  session = await sites.installation.session();
});
afterAll(async () => {
  await session.close();
  await sites.installation.must('down');
  await sites.destroy();
});
afterEach(() => {
  sites.pbs.clearFaults();
});

/** The host of what runs does not answer, so that PBS can't end it. */
function loseHost(): void {
  sites.pbs.fault({ kind: 'reject', command: 'qdel', rc: 222, message: 'Server could not connect to MOM' });
}

async function runsOf(workflowId: string): Promise<number> {
  const client = await session.client();
  let runs = 0;
  for await (const { runId } of client.workflow.list({ query: `WorkflowId = '${workflowId}'` }))
    runs += runId === '' ? 0 : 1;
  return runs;
}

test('a study goes on with its trials while one that was cancelled does not end', async () => {
  const study = await HeldStudy.start(
    sites.installation,
    session,
    { name: 'cancelled', sites: ['cluster'], budget: { trials: 10, parallel: 2 } },
    { continueAfterEvents: 60 },
  );
  await study.untilStarted(0);
  loseHost();
  const cancelled = study.handle.cancel(0);
  await until('it is told to end', () => sites.pbs.commands('qdel').length > 0);
  study.release(1, 2, 3, 4, 5, 6, 7, 8, 9);
  await study.untilEnded(9, 110_000);
  expect(await study.trial(0)).toMatchObject({ state: 'RUNNING' });
  expect(await runsOf(study.handle.workflowId)).toBe(1);
  sites.pbs.clearFaults();
  expect(await cancelled).toBe('FAIL');
  expect(await study.handle.result()).toMatchObject({
    state: 'complete',
    trials: { complete: 9, failed: 1 },
  });
});

test('so does a list of jobs', async () => {
  const lines = Array.from({ length: 12 }, (_, i) =>
    JSON.stringify({ job_id: `j${String(i)}`, command: i === 0 ? ['sleep', '600'] : ['true'] }),
  );
  const earlier = new Set(sites.pbs.jobs().map(({ id }) => id));
  const { jobs } = await loadJobs(sites.installation.write('jobs.jsonl', lines.join('\n')));
  const request = { kind: 'batch', name: 'cancelled', site: 'cluster', jobs, parallel: 2 } as const;
  const { handle } = await openBatch(session, request, { continueAfterEvents: 60 });
  const isFirst = (id: string, output = ''): boolean => !earlier.has(id) && output.includes('/0/a1/');
  const own = (): string =>
    sites.pbs.jobs().find(({ id, attributes }) => isFirst(id, attributes['Output_Path']))?.id ?? '';
  await until('it runs', () => sites.pbs.jobs().some(({ id, state }) => id === own() && state === 'R'));
  loseHost();
  const cancelled = handle.cancel(0);
  const told = (): boolean => sites.pbs.commands('qdel').some(({ argv }) => argv.includes(own()));
  await until('it is told to end', told);
  await until('the others have ended', async () => (await handle.counts()).COMPLETE === 11, 90_000);
  expect((await handle.job('j0')).state).toBe('RUNNING');
  expect(await runsOf(handle.workflowId)).toBe(1);
  sites.pbs.clearFaults();
  await cancelled;
  const client = await session.client();
  expect(await client.workflow.getHandle(handle.workflowId).result()).toEqual({
    complete: 11,
    failed: 1,
    failures: ['j0 (cancelled)'],
  });
});
