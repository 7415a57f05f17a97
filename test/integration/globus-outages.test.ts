import { connect } from 'amqplib';
import { keyOf } from '../support/fake-job';
import { brokerAvailable } from '../support/globus/broker';
import { GlobusBench } from '../support/globus/scheduler-bench';
import { until } from '../support/installation';

let bench: GlobusBench;
afterEach(() => bench.destroy());

test('a worker that ends does not wait for as long as the service wants to be left alone', async () => {
  bench = await GlobusBench.start();
  bench.service.faults.retryAfter = 50;
  bench.service.faults.next('submit', '429', 100);
  const scheduler = await bench.scheduler();
  const submitted = bench.submit(scheduler, { command: ['true'] }).catch((error: unknown) => error);
  await until('it was asked to wait', () => bench.service.count('submit') >= 1);
  const began = Date.now();
  await scheduler.close();
  // Of which three are for an answer that may be on its way.
  expect(Date.now() - began).toBeLessThan(10_000);
  expect(await submitted).toMatchObject({ kind: 'Unavailable' });
});

test('a service that wants to be left alone for long is, and whoever asks is told for how long', async () => {
  bench = await GlobusBench.start();
  bench.service.faults.retryAfter = 900;
  bench.service.faults.next('submit', '429');
  const scheduler = await bench.scheduler();
  const asked = new Set<number>();
  for (let turn = 1; turn <= 3; turn++) {
    await expect(bench.submit(scheduler, { command: ['true'] })).rejects.toMatchObject({
      kind: 'Unavailable',
      message: expect.stringMatching(/wants to be left alone for (900|8\d\d) s/) as string,
    });
    await scheduler.health();
    asked.add(bench.service.requests.filter(({ call }) => call !== 'unknown').length);
  }
  expect(bench.service.count('submit')).toBe(1);
  expect(asked.size).toBe(1);
});

const whenBroker = brokerAvailable() ? test : test.skip;
whenBroker('results are asked for while somebody has deleted the queue that they would come by', async () => {
  bench = await GlobusBench.start();
  const scheduler = await bench.scheduler();
  const job = { command: ['sh', '-c', 'sleep 1; echo 3 >"$PERDURE_RESULT"'] };
  await bench.submit(scheduler, { ...job, number: 0 });
  await bench.untilOver(scheduler, keyOf({ number: 0 }));
  const answer = await fetch(`${bench.service.url}/v2/get_amqp_result_connection_url`, {
    headers: { authorization: `Bearer ${bench.service.auth.accessToken()}` },
  });
  const told = (await answer.json()) as { queue_prefix: string; connection_url: string };
  const connection = await connect(told.connection_url);
  const channel = await connection.createChannel();
  await bench.submit(scheduler, { ...job, number: 1 });
  await channel.deleteQueue(`${told.queue_prefix}${bench.service.tasks.all()[0]!.groupId}`);
  for (const number of [1, 2]) {
    if (number === 2) await bench.submit(scheduler, { ...job, number });
    const began = Date.now();
    expect(await bench.untilOver(scheduler, keyOf({ number }))).toMatchObject({ end: { status: 0 } });
    // An end of a minute's silence is not waited for.
    expect(Date.now() - began).toBeLessThan(20_000);
  }
  await connection.close();
});
