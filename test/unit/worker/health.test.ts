import type { Server } from 'node:http';
import { freePort } from '../../support/free-port';
import { serveHealth, type HealthChecks } from '../../../src/worker/health';

let server: Server | undefined;
let port = 0;
let workers: readonly string[];
let temporal: () => Promise<unknown>;
let ledger: () => Promise<unknown>;
let asked = 0;

beforeEach(async () => {
  workers = ['RUNNING', 'RUNNING'];
  temporal = () => Promise.resolve();
  ledger = () => Promise.resolve();
  asked = 0;
  const checks: HealthChecks = {
    workers: () => workers,
    services: {
      temporal: () => {
        asked += 1;
        return temporal();
      },
      ledger: () => ledger(),
    },
  };
  port = await freePort();
  server = await serveHealth(port, '127.0.0.1', checks);
});
afterEach(() => server?.close());

async function get(path: string): Promise<readonly [number, unknown]> {
  const response = await fetch(`http://127.0.0.1:${String(port)}${path}`);
  return [response.status, response.status === 404 ? null : await response.json()];
}

test('a worker that polls, with its services, is live and ready', async () => {
  expect(await get('/health/live')).toEqual([200, { live: true, workers }]);
  const healthy = { live: true, ready: true, workers, services: { temporal: 'ok', ledger: 'ok' } };
  expect(await get('/health/ready')).toEqual([200, healthy]);
  expect(await get('/health')).toEqual([200, healthy]);
  expect(await get('/other')).toEqual([404, null]);
});

test('with Temporal and the ledger down it is live and not ready, and says why', async () => {
  temporal = () => Promise.reject(new Error('connection refused'));
  ledger = () => new Promise(() => undefined);
  const services = { temporal: 'connection refused', ledger: 'no answer in 800 ms' };
  expect(await get('/health/ready')).toEqual([503, { live: true, ready: false, workers, services }]);
  expect((await get('/health'))[0]).toBe(503);
  expect((await get('/health/live'))[0]).toBe(200);
});

test('a service that hangs is not asked again beside itself', async () => {
  let answer: (value: unknown) => void = () => undefined;
  temporal = () => new Promise((resolve) => (answer = resolve));
  await Promise.all([get('/health/ready'), get('/health/ready'), get('/health/ready')]);
  expect(asked).toBe(1);
  answer(null);
  temporal = () => Promise.resolve();
  expect((await get('/health/ready'))[0]).toBe(200);
});

test('a worker that starts is live and not ready; one of whose parts has failed is neither', async () => {
  workers = [];
  expect([(await get('/health/live'))[0], (await get('/health/ready'))[0]]).toEqual([200, 503]);
  workers = ['RUNNING', 'FAILED'];
  expect([(await get('/health/live'))[0], (await get('/health/ready'))[0]]).toEqual([503, 503]);
});
