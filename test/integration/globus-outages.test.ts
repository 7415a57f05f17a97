import { setTimeout as sleep } from 'node:timers/promises';
import { PerdureError } from '../../src/study/error';
import { keyOf } from '../support/fake-job';
import { FakeResult } from '../support/globus/endpoint-book';
import { GlobusBench } from '../support/globus/scheduler-bench';
import { until } from '../support/installation';

let bench: GlobusBench;
afterEach(() => bench.destroy());

test('a worker that ends does not wait for as long as the service wants to be left alone', async () => {
  bench = await GlobusBench.start();
  bench.service.faults.retryAfter = 600;
  bench.service.faults.next('submit', '429', 100);
  const scheduler = await bench.scheduler();
  const submitted = bench.submit(scheduler, { command: ['true'] }).catch((error: unknown) => error);
  await until('it was asked to wait', () => bench.service.count('submit') >= 1);
  const began = Date.now();
  await scheduler.close();
  // Of which three are for an answer that may be on its way.
  expect(Date.now() - began).toBeLessThan(10_000);
  expect(await submitted).toMatchObject({ kind: 'Unavailable' });
}, 60_000);

test('what is refused for good while the ledger is away is lost when it is back, and the worker goes on', async () => {
  bench = await GlobusBench.start({ maxRetries: 5 });
  let away = true;
  const other = await bench.scheduler();
  const tries: string[] = [];
  const scheduler = await bench.scheduler({
    journal: {
      keepOutcome: async (_site, attempt, outcome) => {
        tries.push(attempt);
        if (away) throw new PerdureError('Unavailable', 'the ledger does not answer');
        return bench.journal.keepOutcome('far', attempt, outcome);
      },
    },
  });
  // Its first task fails, and the endpoint takes none after it.
  const endpoint = bench.service.endpoints.find(bench.endpointId)!;
  Object.assign(endpoint, {
    run: () => new FakeResult('ManagerLost: gone', { code: 'x', user_message: 'y' }),
  });
  await bench.submit(scheduler, { command: ['true'] });
  bench.service.faults.next('submit', '403', 100);
  await until('it was to be written down twice', () => tries.length >= 2);
  away = false;
  expect(await bench.untilOver(scheduler)).toMatchObject({
    state: 'lost',
    why: expect.stringContaining('refused') as string,
  });
  expect(await bench.untilOver(other)).toMatchObject({ state: 'lost' });
}, 60_000);

test('a trial has run for as long as it ran, however late its result is read', async () => {
  bench = await GlobusBench.start();
  const scheduler = await bench.scheduler();
  await bench.submit(scheduler, { command: ['sh', '-c', 'echo 1 >"$PERDURE_RESULT"'] });
  await bench.untilOver(scheduler);
  await sleep(3000);
  const later = await bench.scheduler();
  const seen = await bench.untilOver(later);
  if (seen.state !== 'done') throw new Error(`it is ${seen.state}`);
  expect(seen.endedAt.getTime() - seen.startedAt.getTime()).toBeLessThan(2500);
  expect(seen.endedAt.getTime()).toBeLessThan(Date.now() - 2500);
  expect((await later.fetch(keyOf())).result).toEqual({ value: 1 });
}, 60_000);
