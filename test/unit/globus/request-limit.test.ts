import { RequestLimit } from '../../../src/schedulers/globus/request-limit';

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

/** When each of these turns came (milliseconds from the first). */
async function turns(limit: RequestLimit, count: number, forMs: number): Promise<readonly number[]> {
  const since = Date.now();
  const came: number[] = [];
  for (let i = 0; i < count; i++) void limit.turn().then(() => came.push(Date.now() - since));
  await jest.advanceTimersByTimeAsync(forMs);
  return came;
}

test('so many go through in any span, and the others in order after them', async () => {
  const came = await turns(new RequestLimit(3, 1000), 8, 3000);
  expect(came).toEqual([0, 0, 0, 1000, 1000, 1000, 2000, 2000]);
});

test('nobody goes before the moment that the service has named', async () => {
  const limit = new RequestLimit(3, 1000);
  limit.pause(700);
  expect(await turns(limit, 2, 2000)).toEqual([700, 700]);
});

test('what may be late leaves half of the requests to the others', async () => {
  const limit = new RequestLimit(4, 1000);
  const since = Date.now();
  const came: string[] = [];
  const note = (what: string) => (): number => came.push(`${what} ${String(Date.now() - since)}`);
  for (let i = 0; i < 3; i++) void limit.turn('patient').then(note('patient'));
  await jest.advanceTimersByTimeAsync(10);
  for (let i = 0; i < 2; i++) void limit.turn('soon').then(note('soon'));
  await jest.advanceTimersByTimeAsync(2100);
  expect(came.slice(0, 4)).toEqual(['patient 0', 'patient 0', 'soon 10', 'soon 10']);
  expect(came[4]).toBe('patient 1010');
});

test('nobody waits for a clock that was set back', async () => {
  const limit = new RequestLimit(1, 1000);
  await limit.turn();
  jest.setSystemTime(Date.now() - 3_600_000);
  let came = false;
  void limit.turn().then(() => (came = true));
  await jest.advanceTimersByTimeAsync(1100);
  expect(came).toBe(true);
});
