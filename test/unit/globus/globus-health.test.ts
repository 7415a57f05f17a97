import { GlobusHealth } from '../../../src/schedulers/globus/globus-health';
import { PerdureError } from '../../../src/study/error';

afterEach(() => {
  jest.restoreAllMocks();
});

test('an endpoint is away while the service says so, and it is known since when it is back', async () => {
  let at = 1_000_000;
  jest.spyOn(performance, 'now').mockImplementation(() => at);
  jest.spyOn(Date, 'now').mockImplementation(() => at);
  let answer: () => Promise<{ status: string }> = () => Promise.resolve({ status: 'online' });
  const health = new GlobusHealth(
    {
      endpointStatus: () => answer(),
      endpointConsole: () => Promise.reject(new PerdureError('SubmitRejected', 'not yours')),
    },
    'id',
  );
  const ask = async (how: typeof answer): Promise<{ away: boolean; backAt: number }> => {
    answer = how;
    at += 31_000;
    await health.status();
    return { away: health.away, backAt: health.backAt };
  };
  const says = (status: string) => () => Promise.resolve({ status });
  const fails = (): Promise<never> => Promise.reject(new PerdureError('Unavailable', 'no answer'));
  expect(await ask(says('online'))).toEqual({ away: false, backAt: 0 });
  // An answer that does not come says nothing of the endpoint.
  expect(await ask(fails)).toEqual({ away: false, backAt: 0 });
  expect(await ask(says('offline'))).toEqual({ away: true, backAt: 0 });
  expect(await ask(fails)).toEqual({ away: true, backAt: 0 });
  expect(await ask(says('online'))).toEqual({ away: false, backAt: at });
  const back = at;
  expect(await ask(says('online'))).toEqual({ away: false, backAt: back });
});
