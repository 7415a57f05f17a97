import { hostname } from 'node:os';
import { isGrpcServiceError, type Client } from '@temporalio/client';
import { temporal } from '@temporalio/proto';
import { messageOf, PerdureError } from '../study/error';
import { HEARTBEAT_INTERVAL_MS, siteQueue, STUDY_QUEUE } from '../study/task-queues';
import type { QueueState } from '../study/waiting';

/**
 * How long after the start of its last poll a worker counts as alive (milliseconds). A poll lasts up to a minute. The server lists a
 * poller for five minutes, which is too long.
 */
const pollValidMs = 70_000;
/** How long a heartbeat shows that a worker is alive (milliseconds): two heartbeats may be late or lost. */
const heartbeatValidMs = 3 * HEARTBEAT_INTERVAL_MS + 5000;
/** How long Temporal may take to answer (milliseconds). */
const answerTimeoutMs = 5000;

const { TaskQueueType, WorkerStatus } = temporal.api.enums.v1;
const ended: ReadonlySet<unknown> = new Set([
  WorkerStatus.WORKER_STATUS_SHUTTING_DOWN,
  WorkerStatus.WORKER_STATUS_SHUTDOWN,
]);

/** gRPC status codes of a server that does not show its workers: PERMISSION_DENIED and UNIMPLEMENTED. */
const hiddenCodes: ReadonlySet<number> = new Set([7, 12]);
/** The most workers that one request lists. */
const workersPerPage = 1000;

/** A poll or a heartbeat of a worker process. */
export interface WorkerContact {
  readonly identity: string;
  /** When the poll began or the heartbeat was sent (milliseconds since the epoch). */
  readonly at: number;
  readonly kind: 'poll' | 'heartbeat';
  /** The worker has reported that it is shutting down. */
  readonly ended: boolean;
}

/**
 * Identities of the live workers. A worker that sends heartbeats is alive if one is recent: it need not poll while all its slots are
 * taken, and the server keeps the poll of a stopped process open. A worker that sends none, as of another SDK, is alive if it polls.
 */
export function liveWorkers(contacts: readonly WorkerContact[], now: number): ReadonlySet<string> {
  const sendsHeartbeats = new Set(
    contacts.flatMap(({ kind, identity }) => (kind === 'heartbeat' ? [identity] : [])),
  );
  const isFresh = ({ at, kind, identity }: WorkerContact): boolean =>
    kind === 'heartbeat'
      ? now - at < heartbeatValidMs
      : !sendsHeartbeats.has(identity) && now - at < pollValidMs;
  // A restarted container may have the same identity as before.
  const endedLater = ({ identity, at }: WorkerContact): boolean =>
    contacts.some((other) => other.ended && other.identity === identity && other.at >= at);
  return new Set(contacts.filter((one) => isFresh(one) && !endedLater(one)).map(({ identity }) => identity));
}

/**
 * The live workers and the backlog of a site's task queue, or of the studies' (`null`).
 * @returns `null` if the server does not show them, for example to an API key with few permissions
 * @throws {@link PerdureError} `Unavailable` where Temporal does not answer in five seconds
 */
export async function queueState(client: Client, site: string | null): Promise<QueueState | null> {
  const queue = site === null ? STUDY_QUEUE : siteQueue(site);
  const types =
    site === null
      ? [TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW, TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY]
      : [TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY];
  try {
    return await client.connection.withDeadline(Date.now() + answerTimeoutMs, async () => {
      const [heartbeats, ...described] = await Promise.all([
        heartbeatsOf(client, queue),
        ...types.map((type) => describe(client, queue, type)),
      ]);
      const contacts = [...heartbeats, ...described.flatMap((one) => one.contacts)];
      return {
        site,
        alive: liveWorkers(contacts, Date.now()).size,
        backlog: described.reduce((sum, { backlog }) => sum + backlog, 0),
        backlogAgeMs: described.reduce((most, { backlogAgeMs }) => Math.max(most, backlogAgeMs), 0),
      };
    });
  } catch (error) {
    if (error instanceof PerdureError) throw error;
    if (isGrpcServiceError(error) && hiddenCodes.has(error.code)) return null;
    throw new PerdureError('Unavailable', `Temporal does not answer: ${messageOf(error)}`, { cause: error });
  }
}

/**
 * Whether a worker process of this machine has sent a heartbeat recently. A heartbeat is better evidence than a poll: the server still
 * lists the poll of a stopped process for minutes, and the heartbeat's time comes from this machine's clock.
 * @returns `null` if Temporal has no heartbeat of this process
 */
export async function hasHeartbeat(client: Client, pid: number): Promise<boolean | null> {
  const identity = `${String(pid)}@${hostname()}`;
  const own = (await heartbeatsOf(client, STUDY_QUEUE)).filter((contact) => contact.identity === identity);
  return own.length === 0 ? null : liveWorkers(own, Date.now()).size > 0;
}

async function describe(
  client: Client,
  queue: string,
  taskQueueType: temporal.api.enums.v1.TaskQueueType,
): Promise<Pick<QueueState, 'backlog' | 'backlogAgeMs'> & { readonly contacts: readonly WorkerContact[] }> {
  const { pollers, stats } = await client.workflowService.describeTaskQueue({
    namespace: client.options.namespace,
    taskQueue: { name: queue },
    taskQueueType,
    reportStats: true,
  });
  return {
    backlog: Number(stats?.approximateBacklogCount ?? 0),
    backlogAgeMs: msOf(stats?.approximateBacklogAge),
    contacts: pollers.map(({ identity, lastAccessTime }) => ({
      identity: identity ?? '',
      at: msOf(lastAccessTime),
      kind: 'poll',
      ended: false,
    })),
  };
}

/** The heartbeats of a queue's workers; none from a server before 1.30, which has polls only. */
async function heartbeatsOf(client: Client, queue: string): Promise<readonly WorkerContact[]> {
  const { namespace } = client.options;
  const { namespaceInfo } = await client.workflowService.describeNamespace({ namespace });
  if (namespaceInfo?.capabilities?.workerHeartbeats !== true) return [];
  const found: WorkerContact[] = [];
  let nextPageToken: Uint8Array | undefined;
  do {
    const page = await client.workflowService.listWorkers({
      namespace,
      pageSize: workersPerPage,
      query: `TaskQueue="${queue}"`,
      ...(nextPageToken === undefined ? {} : { nextPageToken }),
    });
    for (const { workerHeartbeat } of page.workersInfo) {
      found.push({
        identity: workerHeartbeat?.workerIdentity ?? '',
        at: msOf(workerHeartbeat?.heartbeatTime),
        kind: 'heartbeat',
        ended: ended.has(workerHeartbeat?.status),
      });
    }
    nextPageToken = page.nextPageToken;
  } while (nextPageToken.length > 0);
  return found;
}

function msOf(
  time: { readonly seconds?: unknown; readonly nanos?: number | null } | null | undefined,
): number {
  return Number(time?.seconds ?? 0) * 1000 + Math.round((time?.nanos ?? 0) / 1e6);
}
