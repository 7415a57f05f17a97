import type { GlobusHealth } from '../../../src/schedulers/globus/globus-health';
import { Looks } from '../../../src/schedulers/globus/looks';
import type { SiteShell } from '../../../src/schedulers/remote/site-shell';
import { until } from '../../support/installation';
import { later } from '../../support/later';

afterEach(() => jest.restoreAllMocks());

test('what is said of an endpoint is told with its age once that is old', async () => {
  const saidAt = performance.now();
  const health = { saidAt, status: () => Promise.resolve({ status: 'online' }) } as unknown as GlobusHealth;
  // The endpoint died meanwhile: the look waits for a worker.
  const shell = { callAll: () => new Promise(() => undefined) } as unknown as SiteShell;
  const looks = new Looks(shell, health, { interval: 0, byTask: true, saw: () => undefined });
  looks.due([]);
  await until('something was said', () => looks.problem !== null);
  expect(looks.problem).toBe('the endpoint is online');
  later(146_000);
  expect(looks.problem).toBe('the endpoint is online (146 s ago)');
});
