import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { handleErrors } from '../process/handle-errors';
import { messageOf, PerdureError } from '../study/error';

/** What is checked for the health of a worker process. */
export interface HealthChecks {
  /** States of Temporal's workers in this process; empty while it starts. */
  readonly workers: () => readonly string[];
  /** A check of each service that the worker needs, by name; it rejects if the service does not answer. */
  readonly services: Readonly<Record<string, () => Promise<unknown>>>;
}

/** The answer to `GET /health`. */
export interface Health {
  /** `false`: only restarting the process helps. */
  readonly live: boolean;
  /** All workers poll and all services answer. */
  readonly ready: boolean;
  readonly workers: readonly string[];
  /** For each service `ok` or the error. Absent in an answer about liveness, which asks no service. */
  readonly services?: Readonly<Record<string, string>>;
}

/** How long a service may take to answer (milliseconds). The default timeout of a Kubernetes probe is one second. */
const answerTimeoutMs = 800;

/**
 * Serves `GET /health/live`, `/health/ready` and `/health` (both): 200 or 503, with the reasons as JSON. A worker is live
 * while none of its parts has failed. If a service does not answer, the worker is live but not ready: it continues by itself when the
 * service is back.
 * @throws {@link PerdureError} `Unavailable` where the port is taken
 */
export async function serveHealth(port: number, host: string, checks: HealthChecks): Promise<Server> {
  const readiness = new Readiness(checks);
  const server = handleErrors(
    createServer((request, response) => {
      const answer = answerOf(request.url, checks, readiness);
      if (answer === null) {
        response.writeHead(404).end();
        return;
      }
      void answer.then(({ ok, health }) => {
        response.writeHead(ok ? 200 : 503, { 'content-type': 'application/json' });
        response.end(JSON.stringify(health));
      });
    }),
  );
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (cause) {
    throw new PerdureError('Unavailable', `port ${String(port)} for the worker's health can't be used`, {
      hint: 'choose another one with --health-port',
      cause,
    });
  }
  return server;
}

function answerOf(
  url: string | undefined,
  { workers }: HealthChecks,
  readiness: Readiness,
): Promise<{ readonly ok: boolean; readonly health: Partial<Health> }> | null {
  switch (url?.split('?')[0]) {
    case '/health/live': {
      const all = workers();
      const live = isLive(all);
      return Promise.resolve({ ok: live, health: { live, workers: all } });
    }
    case '/health/ready':
    case '/health':
      return readiness.check().then((health) => ({ ok: health.live && health.ready, health }));
    default:
      return null;
  }
}

function isLive(workers: readonly string[]): boolean {
  return !workers.includes('FAILED');
}

/** Checks the services. Concurrent probes share the answer. */
class Readiness {
  private readonly asking = new Map<string, Promise<string>>();

  constructor(private readonly checks: HealthChecks) {}

  async check(): Promise<Health> {
    const names = Object.keys(this.checks.services);
    const answers = await Promise.all(names.map((name) => this.ask(name)));
    const workers = this.checks.workers();
    const live = isLive(workers);
    const polls = workers.length > 0 && workers.every((state) => state === 'RUNNING');
    return {
      live,
      ready: live && polls && answers.every((answer) => answer === 'ok'),
      workers,
      services: Object.fromEntries(names.map((name, i) => [name, answers[i] ?? ''])),
    };
  }

  private ask(name: string): Promise<string> {
    const service = this.checks.services[name];
    if (service === undefined) return Promise.resolve('ok');
    // A check that hangs is not started a second time.
    const asked =
      this.asking.get(name) ??
      service()
        .then(
          () => 'ok',
          (error: unknown) => messageOf(error),
        )
        .finally(() => this.asking.delete(name));
    this.asking.set(name, asked);
    return within(answerTimeoutMs, asked, `no answer in ${String(answerTimeoutMs)} ms`);
  }
}

/** The promise's value, or `late` if it takes longer than `ms`. */
async function within<T>(ms: number, promise: Promise<T>, late: T): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<T>((resolve) => {
    timer = setTimeout(resolve, ms, late);
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
