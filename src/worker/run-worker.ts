import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Server } from 'node:http';
import type { Logger } from 'pino';
import {
  NativeConnection,
  Runtime,
  Worker,
  type InjectedSinks,
  type NativeConnectionOptions,
  type WorkerOptions,
} from '@temporalio/worker';
import { askAnyWorker } from '../control/any-worker';
import { serveControl } from '../control/control-server';
import { createAgentActivities } from '../activities/agent-activities';
import { createSiteActivities } from '../activities/site-activities';
import { SiteFlags } from '../activities/site-flags';
import { SiteWatch } from '../activities/site-watch';
import { StudyContexts } from '../activities/study-context';
import { createBatchActivities } from '../activities/batch-activities';
import { createStudyActivities } from '../activities/study-activities';
import { connectionOptions } from '../client/connect';
import { workerConnectionOptions } from '../client/proxy';
import { dataConverterOf } from '../client/payload-encryption';
import { secretVariables, type Settings } from '../config/settings';
import { hostName, registerSecretVariables } from '../process/environment';
import { openLedger } from '../storage';
import { withCleanUp } from '../study/clean-up';
import { messageOf, PerdureError } from '../study/error';
import type { SiteHealth } from '../study/site-health';
import { HEARTBEAT_INTERVAL_MS, siteHostQueue, siteQueue, STUDY_QUEUE } from '../study/task-queues';
import type { AttemptRef } from '../workflows/activity-types';
import type { FailpointSinks } from '../workflows/failpoints';
import { activitiesTogether } from './activities-together';
import { carryControl } from './carry-control';
import { createFailpoint } from './failpoint';
import { serveHealth } from './health';
import { openSites } from './open-sites';
import { createLog, type Level } from './log';
import { SiteLeases } from './site-leases';
import { temporalLogger } from './temporal-log';
import { inferenceToken } from './site-login';

export interface WorkerRun {
  readonly settings: Settings;
  readonly level: Level;
  /** Port for `GET /health`; absent: none. */
  readonly healthPort?: number;
  /** Port for Prometheus metrics; absent: none. */
  readonly metricsPort?: number;
  /** Address of both; loopback unless given. */
  readonly bind?: string;
  /** Ends the worker when it aborts. */
  readonly stop: AbortSignal;
}

/** How long activities may take to end when the worker is asked to (they stop waiting at once). */
const shutdownGraceTime = '10s';
/** Workflows kept in memory; each costs a few hundred kilobytes. */
const maxCachedWorkflows = 400;

/**
 * Runs the workers of one process (the study's queue, and one or two for each site) until `stop` aborts. Running jobs go on
 * without it. A site that a person may have to log in to is served by one process of the state directory at a time.
 * @throws {@link PerdureError} `Unavailable` where Temporal or the ledger can't be reached
 */
export async function runWorker(run: WorkerRun): Promise<void> {
  const { settings, stop } = run;
  registerSecretVariables(secretVariables(settings));
  const bind = run.bind ?? '127.0.0.1';
  const log = createLog(run.level);
  const host = hostName();
  const failpoint = createFailpoint(process.env['PERDURE_FAILPOINTS']);
  const { namespace, ...options } = connectionOptions(settings);
  const ledger = await openLedger(settings.storage);
  const contexts = new StudyContexts(ledger, host);
  const sites = openSites(settings, ledger);
  const schedulers = new Map([...sites].map(([name, { scheduler }]) => [name, scheduler]));
  const hostOf = (name: string): string | null => (sites.get(name)?.bound === true ? host : null);
  const leases = new SiteLeases(settings.home);
  const serves = (name: string): boolean => {
    const site = sites.get(name);
    return site !== undefined && (site.interactive === null || leases.has(name));
  };
  const healthOf = async (name: string): Promise<SiteHealth | null> => {
    const site = sites.get(name);
    if (site === undefined) return null;
    return serves(name) ? site.scheduler.health() : healthAtHolder(settings.home, name);
  };
  const watch = new SiteWatch({ ledger, healthOf, hostOf, worker: `${host}/${randomUUID()}` });
  const flags = new SiteFlags(ledger);
  let connection: NativeConnection | undefined;
  let health: Server | undefined;
  let endControl: (() => Promise<void>) | undefined;
  const workers: Worker[] = [];
  const work = async (): Promise<void> => {
    if (run.healthPort !== undefined) {
      health = await serveHealth(run.healthPort, bind, {
        workers: () => workers.map((worker) => worker.getState()),
        services: {
          temporal: async () => {
            if (connection === undefined) throw new Error('not connected yet');
            await connection.workflowService.describeNamespace({ namespace });
          },
          ledger: () => ledger.readSites(),
        },
      });
    }
    endControl = await serveControl(settings.home, (request, ask) =>
      carryControl(sites, serves, request, ask),
    );
    // It keeps the process, until the last connection is closed.
    installRuntime(log, run.metricsPort === undefined ? undefined : `${bind}:${String(run.metricsPort)}`);
    connection = await connectNative(options);
    const siteActivities = createSiteActivities({
      ledger,
      contexts,
      schedulers,
      hostOf,
      stopping: stop,
      failpoint,
      watch,
      flags,
    });
    const dataConverter = await dataConverterOf(settings);
    const globusToken = inferenceToken(settings);
    const surroundings = { env: process.env, ...(globusToken === undefined ? {} : { globusToken }) };
    const common = {
      connection,
      namespace,
      shutdownGraceTime,
      dataConverter,
    } satisfies Partial<WorkerOptions>;
    const create = async (
      own: Pick<WorkerOptions, 'taskQueue'> & Partial<WorkerOptions>,
    ): Promise<Worker> => {
      const worker = await Worker.create({ ...common, ...own }).catch((error: unknown) => {
        throw refusal(error, namespace);
      });
      workers.push(worker);
      return worker;
    };
    const createForSite = (name: string): Promise<readonly Worker[]> =>
      Promise.all(
        [siteQueue(name), ...(sites.get(name)?.bound === true ? [siteHostQueue(name, host)] : [])].map(
          (taskQueue) =>
            create({ taskQueue, activities: siteActivities, maxConcurrentActivityTaskExecutions: 1000 }),
        ),
      );
    const runAll = (those: readonly Worker[]): Promise<unknown> =>
      Promise.all(those.map((worker) => runUntil(worker, stop)));

    const names = [...sites.keys()];
    const mine = names.filter((name) => sites.get(name)?.interactive === null || leases.take(name));
    const created = await Promise.all([
      create({
        ...workflows(),
        taskQueue: STUDY_QUEUE,
        activities: activitiesTogether([
          createStudyActivities({
            ledger,
            contexts,
            failpoint,
            watch,
            flags,
            watchInterval: settings.times.watchInterval,
            stopping: stop,
          }),
          { tryAttempt: (attempt: AttemptRef) => siteActivities.tryAttempt(attempt) },
          createAgentActivities({ ledger, contexts, failpoint, watch, surroundings }),
          createBatchActivities({ ledger }),
        ]),
        maxCachedWorkflows,
        sinks: failpointSinks(failpoint),
      }),
      ...mine.map(createForSite),
    ]);
    // At every level: whoever starts a worker waits for it.
    log.child({}, { level: 'info' }).info({ sites: mine, ledger: ledger.url, namespace }, 'worker ready');
    await Promise.all([
      runAll(created.flat()),
      ...names
        .filter((name) => !mine.includes(name))
        .map(async (name) => {
          log.info({ site: name }, 'another worker has this site; it is taken over when that one ends');
          if (!(await leases.takeWhenFree(name, stop))) return;
          log.info({ site: name }, 'this worker has the site now');
          await runAll(await createForSite(name));
        }),
    ]);
    log.info('worker ended');
  };
  await withCleanUp(
    work,
    () => health?.close(),
    () => endControl?.(),
    () => contexts.close(),
    [...sites.values()].map(
      ({ scheduler }) =>
        () =>
          scheduler.close(),
    ),
    () => ledger.close(),
    () => {
      leases.release();
    },
    () => connection?.close(),
  );
}

/** @param metrics where they are shown */
function installRuntime(log: Logger, metrics: string | undefined): void {
  Runtime.install({
    logger: temporalLogger(log),
    shutdownSignals: [],
    workerHeartbeatInterval: HEARTBEAT_INTERVAL_MS,
    telemetryOptions: {
      // Else they would be on standard output, in a form of their own.
      logging: { filter: { core: 'WARN', other: 'ERROR' }, forward: {} },
      ...(metrics === undefined ? {} : { metrics: { prometheus: { bindAddress: metrics } } }),
    },
  });
}

async function runUntil(worker: Worker, stop: AbortSignal): Promise<void> {
  const running = worker.run();
  const end = (): void => {
    if (worker.getState() === 'RUNNING') worker.shutdown();
  };
  stop.addEventListener('abort', end);
  if (stop.aborted) end();
  await running;
}

/** What the process that has a site knows of it; `null` while none has it. */
async function healthAtHolder(home: string, site: string): Promise<SiteHealth | null> {
  try {
    return await askAnyWorker(home, { do: 'health', site });
  } catch (error) {
    if (error instanceof PerdureError && ['NotFound', 'Unavailable'].includes(error.kind)) return null;
    throw error;
  }
}

/** A missing namespace as a {@link PerdureError}; any other error unchanged. */
function refusal(error: unknown, namespace: string): unknown {
  if (!/^Namespace .* was not found/.test(messageOf(error))) return error;
  return new PerdureError('Unavailable', `Temporal has no namespace '${namespace}'`, {
    hint: `name another one under \`temporal:\`, or create it: temporal operator namespace create ${namespace}`,
    cause: error,
  });
}

async function connectNative(
  options: NativeConnectionOptions & { readonly address: string },
): Promise<NativeConnection> {
  const route = workerConnectionOptions(options);
  try {
    return await NativeConnection.connect(route);
  } catch (cause) {
    throw new PerdureError('Unavailable', `Temporal does not answer at ${options.address}`, {
      hint: 'perdure doctor looks at what is there',
      cause,
    });
  }
}

/** The bundle that the build made, which saves seconds at each start; from sources, it is made now. */
function workflows(): Pick<WorkerOptions, 'workflowBundle' | 'workflowsPath'> {
  const codePath = join(__dirname, '..', 'workflow-bundle.js');
  if (existsSync(codePath)) return { workflowBundle: { codePath } };
  return { workflowsPath: join(__dirname, '..', 'workflows') };
}

function failpointSinks(failpoint: (name: string) => void): InjectedSinks<FailpointSinks> {
  return {
    failpoint: {
      hit: {
        fn: (_info, name) => {
          failpoint(name);
        },
        callDuringReplay: false,
      },
    },
  };
}
