import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createGlobusScheduler, usualPatience } from '../../src/schedulers/globus';
import type { Scheduler } from '../../src/schedulers/scheduler';
import { openLedger } from '../../src/storage';
import type { Ledger } from '../../src/storage/ledger';
import { PerdureError } from '../../src/study/error';
import { keyOf, requestOf } from '../support/fake-job';
import { ComputeService } from '../support/globus/compute-service';
import type { FakeTask } from '../support/globus/endpoint-book';
import { requestFaults, type RequestFault } from '../support/globus/faults';
import { argumentsOf } from '../support/globus/packed';
import { until } from '../support/installation';

const calls = ['register_function', 'submit', 'batch_status', 'amqp_url', 'endpoint_status'] as const;

/** What a site remembers of its attempts: who comes to the fence first runs it, the others tell of it. */
class FakeSite {
  readonly ran: string[] = [];

  readonly run = (task: FakeTask): unknown => {
    const [request] = argumentsOf(task.payload).args as { readonly do: string; readonly key: string }[];
    if (request?.do !== 'attempt') return null;
    if (!this.ran.includes(request.key)) this.ran.push(request.key);
    const outcome = {
      status: '0',
      settled: true,
      stop: '',
      began: '1',
      ended: 2,
      host: 'h',
      result: '{"value": 1}\n',
    };
    return {
      outcome: { ...outcome, error: null, reports: null, tail: '', prune: false, seen: false },
      key: request.key,
    };
  };
}

let service: ComputeService;
let ledger: Ledger;
let scheduler: Scheduler;
let folder: string;
afterEach(async () => {
  await scheduler.close();
  await ledger.close();
  await service.stop();
  rmSync(folder, { recursive: true });
});

async function begin(): Promise<FakeSite> {
  service = await ComputeService.start();
  service.faults.retryAfter = 0.2;
  service.faults.slowMs = 300;
  folder = mkdtempSync(join(tmpdir(), 'perdure-faults-'));
  ledger = await openLedger(`sqlite:///${join(folder, 'ledger.db')}`);
  const site = new FakeSite();
  let token = service.auth.accessToken();
  scheduler = createGlobusScheduler({
    site: {
      site: 'far',
      endpointId: service.addEndpoint(site.run),
      serviceUrl: service.url,
      functionTimeout: 60_000,
      maxRetries: 2,
      userEndpointConfig: {},
      resourceSpecification: null,
      workingDir: '/nowhere',
      workerInit: '',
    },
    authorization: {
      accessToken: () => Promise.resolve(token),
      refused: () => {
        token = service.auth.accessToken();
        return Promise.resolve();
      },
    },
    journal: ledger.globus,
    transport: null,
    patience: {
      ...usualPatience,
      poll: { alone: 50, listening: 60_000 },
      look: { transport: 300, task: 60_000 },
    },
  });
  return site;
}

/** Submits one trial as Temporal does: again where that makes sense. */
async function untilSubmitted(number: number): Promise<'submitted' | 'rejected'> {
  for (let turn = 1; turn <= 3; turn++) {
    try {
      await scheduler.submit(requestOf({ number, command: ['true'] }));
      return 'submitted';
    } catch (error) {
      if (!(error instanceof PerdureError)) throw error;
      if (error.kind === 'SubmitRejected') return 'rejected';
    }
  }
  throw new Error('it is never submitted');
}

test.each(calls)('each fault of %s, once: nothing is lost, and nothing is twice', async (call) => {
  const site = await begin();
  const row: Partial<Record<RequestFault, string>> = {};
  for (const [number, fault] of requestFaults.entries()) {
    service.faults.next(call, fault);
    if (call === 'endpoint_status') await scheduler.health();
    const how = await untilSubmitted(number);
    if (how === 'submitted') {
      await until(`trial ${String(number)} has ended`, async () => {
        const [seen] = await scheduler.observe([keyOf({ number })]);
        return seen?.state === 'ended';
      });
      expect((await scheduler.fetch(keyOf({ number }))).result).toEqual({ value: { value: 1 } });
    }
    row[fault] = how;
  }
  // What the service refuses for good is refused by it alone, and the next trial goes through.
  const final: readonly RequestFault[] = call === 'submit' ? ['403', '404', '413', '422 endpoint'] : [];
  expect(row).toEqual(
    Object.fromEntries(
      requestFaults.map((fault) => [fault, final.includes(fault) ? 'rejected' : 'submitted']),
    ),
  );
  expect(site.ran).toHaveLength(requestFaults.length - final.length);
});
