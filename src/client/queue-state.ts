import { hostname } from 'node:os';
import type { Client } from '@temporalio/client';
import { temporal } from '@temporalio/proto';
import { messageOf, PerdureError } from '../study/error';
import { siteQueue, STUDY_QUEUE } from '../study/task-queues';
import type { QueueState } from '../study/waiting';
import { heartbeatIntervalMs } from '../study/worker-heartbeat';

/** A poll lasts up to a minute; the server lists a poller for five minutes after its last one (milliseconds). */
const longPollMs = 70_000;
/** Two heartbeats may be late or lost (milliseconds). */
const heartbeatValidMs = 3 * heartbeatIntervalMs + 5000;
/** How long Temporal may take to answer (milliseconds). */
const answerWithin = 5000;

const { TaskQueueType, WorkerStatus } = temporal.api.enums.v1;
const ended: ReadonlySet<unknown> = new Set([
  WorkerStatus.WORKER_STATUS_SHUTTING_DOWN,
  WorkerStatus.WORKER_STATUS_SHUTDOWN,
]);

/** A worker process as one poll or one heartbeat shows it. */
export interface WorkerSign {
  readonly identity: string;
  /** When the poll began or the heartbeat was sent (milliseconds since the epoch). */
  readonly at: number;
  readonly sign: 'poll' | 'heartbeat';
  /** It has said that it is shutting down. */
  readonly ended: boolean;
}

/**
 * Identities of the live workers: each has polled within its long poll or sent a heartbeat lately. A worker whose slots are all
 * taken sends heartbeats and does not poll; one of another SDK may poll and send no heartbeats.
 */
export function liveWorkers(signs: readonly WorkerSign[], now: number): ReadonlySet<string> {
  const isFresh = ({ at, sign }: WorkerSign): boolean =>
    now - at < (sign === 'poll' ? longPollMs : heartbeatValidMs);
  // A container that is started again may have the identity of the one before it.
  const endedLater = ({ identity, at }: WorkerSign): boolean =>
    signs.some((other) => other.ended && other.identity === identity && other.at >= at);
  return new Set(signs.filter((one) => isFresh(one) && !endedLater(one)).map(({ identity }) => identity));
}

/**
 * The live workers and the backlog of the studies' task queue (`null`) or a site's.
 * @throws {@link PerdureError} `Unavailable` where Temporal does not answer in five seconds
 */
export async function queueState(client: Client, site: string | null): Promise<QueueState> {
  const queue = site === null ? STUDY_QUEUE : siteQueue(site);
  const types =
    site === null
      ? [TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW, TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY]
      : [TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY];
  try {
    return await client.connection.withDeadline(Date.now() + answerWithin, async () => {
      const [heartbeats, ...described] = await Promise.all([
        heartbeatsOf(client, queue),
        ...types.map((type) => describe(client, queue, type)),
      ]);
      const signs = [...heartbeats, ...described.flatMap((one) => one.signs)];
      return {
        site,
        alive: liveWorkers(signs, Date.now()).size,
        backlog: described.reduce((sum, { backlog }) => sum + backlog, 0),
        backlogAgeMs: described.reduce((most, { backlogAgeMs }) => Math.max(most, backlogAgeMs), 0),
      };
    });
  } catch (error) {
    if (error instanceof PerdureError) throw error;
    throw new PerdureError('Unavailable', `Temporal does not answer: ${messageOf(error)}`, { cause: error });
  }
}

/**
 * Whether a worker process of this machine has sent a heartbeat lately. Both clocks are the same, so that this is surer than a
 * poll, which a stopped process seems to have for two minutes.
 * @returns `null` where Temporal knows no heartbeat of it
 */
export async function hasHeartbeat(client: Client, pid: number): Promise<boolean | null> {
  const identity = `${String(pid)}@${hostname()}`;
  const own = (await heartbeatsOf(client, STUDY_QUEUE)).filter((sign) => sign.identity === identity);
  return own.length === 0 ? null : liveWorkers(own, Date.now()).size > 0;
}

async function describe(
  client: Client,
  queue: string,
  taskQueueType: temporal.api.enums.v1.TaskQueueType,
): Promise<Pick<QueueState, 'backlog' | 'backlogAgeMs'> & { readonly signs: readonly WorkerSign[] }> {
  const { pollers, stats } = await client.workflowService.describeTaskQueue({
    namespace: client.options.namespace,
    taskQueue: { name: queue },
    taskQueueType,
    reportStats: true,
  });
  return {
    backlog: Number(stats?.approximateBacklogCount ?? 0),
    backlogAgeMs: msOf(stats?.approximateBacklogAge),
    signs: pollers.map(({ identity, lastAccessTime }) => ({
      identity: identity ?? '',
      at: msOf(lastAccessTime),
      sign: 'poll',
      ended: false,
    })),
  };
}

/** Servers before 1.30 have no worker heartbeats: what polls say is all that is known. */
async function heartbeatsOf(client: Client, queue: string): Promise<readonly WorkerSign[]> {
  const { namespace } = client.options;
  const { namespaceInfo } = await client.workflowService.describeNamespace({ namespace });
  if (namespaceInfo?.capabilities?.workerHeartbeats !== true) return [];
  const { workersInfo } = await client.workflowService.listWorkers({
    namespace,
    pageSize: 1000,
    query: `TaskQueue="${queue}"`,
  });
  return workersInfo.map(({ workerHeartbeat }) => ({
    identity: workerHeartbeat?.workerIdentity ?? '',
    at: msOf(workerHeartbeat?.heartbeatTime),
    sign: 'heartbeat',
    ended: ended.has(workerHeartbeat?.status),
  }));
}

function msOf(
  time: { readonly seconds?: unknown; readonly nanos?: number | null } | null | undefined,
): number {
  return Number(time?.seconds ?? 0) * 1000 + Math.round((time?.nanos ?? 0) / 1e6);
}
