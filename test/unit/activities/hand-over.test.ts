import { randomUUID } from 'node:crypto';
import type { SubmissionRecord } from '../../../src/activities/attempt';
import { HandOver } from '../../../src/activities/hand-over';
import { PerdureError } from '../../../src/study/error';
import { openCountedLedger, type CountedLedger } from '../../support/counted-ledger';
import { ReportingStudy } from '../../support/reporting-study';

/* An attempt at the only site of its study: whether a cancel needs that site. */

let counted: CountedLedger;
beforeEach(async () => {
  counted = await openCountedLedger();
});
afterEach(() => counted.close());

const handOver = new HandOver({
  watch: { elsewhere: () => Promise.resolve(false) } as never,
  failpoint: () => undefined,
});
const unreachable = new PerdureError('Unavailable', 'no route to host', { nothingDone: true });

async function attempt(): Promise<SubmissionRecord<string>> {
  const { ledger } = counted;
  const { ref } = await ReportingStudy.create(ledger, 1);
  return {
    begin: (token) => ledger.beginSubmission(ref.name, 0, 1, token),
    release: (token) => ledger.releaseSubmission(ref.name, 0, 1, token),
    withdraw: (token, refusal, force) => ledger.withdrawSubmission(ref.name, 0, 1, { token, refusal, force }),
    recordCancelled: () => Promise.resolve('cancelled'),
  };
}

async function failing(record: SubmissionRecord<string>, error: PerdureError): Promise<void> {
  await expect(handOver.submitRecorded('cluster', record, () => Promise.reject(error))).rejects.toBe(error);
}

test('a cancel needs no site that was never reached, however often that was tried, and nothing is submitted later', async () => {
  const record = await attempt();
  await failing(record, unreachable);
  await failing(record, unreachable);
  expect(await handOver.giveUpBefore(record)).toBe(true);
  await expect(
    handOver.submitRecorded('cluster', record, () => Promise.resolve('1.pbs')),
  ).rejects.toMatchObject({ kind: 'Unavailable', message: 'it was cancelled' });
});

test('nor one that was full or refused it', async () => {
  const record = await attempt();
  await handOver.submitRecorded('cluster', record, () => Promise.resolve({ full: 'no room' }));
  await failing(record, new PerdureError('SubmitRejected', 'unknown queue'));
  expect(await handOver.giveUpBefore(record)).toBe(true);
});

test.each([
  ['was submitted', () => Promise.resolve('1.pbs')],
  ['may have been, as the answer was lost', () => Promise.reject(new PerdureError('Unavailable', 'cut off'))],
])('it needs the site where a job %s', async (_, submit) => {
  const record = await attempt();
  await handOver.submitRecorded('cluster', record, submit).catch(() => undefined);
  expect(await handOver.giveUpBefore(record)).toBe(false);
});

test('a worker that could not submit says nothing of another one that submits at the same time', async () => {
  const record = await attempt();
  const slow = Promise.withResolvers<string>();
  const first = handOver.submitRecorded('cluster', record, () => slow.promise);
  await failing(record, unreachable);
  slow.reject(unreachable);
  await expect(first).rejects.toBe(unreachable);
  // The first one's note was replaced by the second, which knew of the first: nobody is certain.
  expect(await handOver.giveUpBefore(record)).toBe(false);
  expect(await record.begin(randomUUID())).toBe(false);
});
