import { randomUUID } from 'node:crypto';
import type { SubmissionRecord } from '../../../src/activities/attempt';
import { HandOver } from '../../../src/activities/hand-over';
import { PerdureError } from '../../../src/study/error';
import { openCountedLedger, type CountedLedger } from '../../support/counted-ledger';
import { ReportingStudy } from '../../support/reporting-study';

/* Whether the cancel of an attempt needs the attempt's site, if that is the study's only one. */

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

test('a cancel does not need a site that was never reached, and nothing is submitted after it', async () => {
  const record = await attempt();
  await failing(record, unreachable);
  await failing(record, unreachable);
  expect(await handOver.giveUpBefore(record)).toBe(true);
  await expect(
    handOver.submitRecorded('cluster', record, () => Promise.resolve('1.pbs')),
  ).rejects.toMatchObject({ kind: 'Unavailable', message: 'it was cancelled' });
});

test('a cancel does not need a site that was full or rejected the job', async () => {
  const record = await attempt();
  await handOver.submitRecorded('cluster', record, () => Promise.resolve({ full: 'no room' }));
  await failing(record, new PerdureError('SubmitRejected', 'unknown queue'));
  expect(await handOver.giveUpBefore(record)).toBe(true);
});

test.each([
  ['was submitted', () => Promise.resolve('1.pbs')],
  ['may have been, as the answer was lost', () => Promise.reject(new PerdureError('Unavailable', 'cut off'))],
])('a cancel needs the site if a job %s', async (_, submit) => {
  const record = await attempt();
  await handOver.submitRecorded('cluster', record, submit).catch(() => undefined);
  expect(await handOver.giveUpBefore(record)).toBe(false);
});

test('a cancel needs the site if one of two workers that submitted at the same time may have succeeded', async () => {
  const record = await attempt();
  const slow = Promise.withResolvers<string>();
  const first = handOver.submitRecorded('cluster', record, () => slow.promise);
  await failing(record, unreachable);
  slow.reject(unreachable);
  await expect(first).rejects.toBe(unreachable);
  // The second worker replaced the token of the first, so that neither may release the record.
  expect(await handOver.giveUpBefore(record)).toBe(false);
  expect(await record.begin(randomUUID())).toBe(false);
});
