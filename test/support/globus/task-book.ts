import { randomUUID } from 'node:crypto';
import type { Schemas } from './compute-api';

/** The result of a task as an endpoint sends it. */
export interface ResultMessage {
  readonly task_id: string;
  readonly data: string;
  readonly details?: Record<string, unknown> | null;
  readonly error_details?: { readonly code: string; readonly user_message: string } | null;
  readonly task_statuses?: readonly unknown[] | null;
}

export interface TaskRecord {
  readonly id: string;
  readonly functionId: string;
  readonly groupId: string;
  readonly owner: string;
  /** The user endpoint that runs it, or the in-process endpoint. */
  readonly runner: string;
  readonly payload: string;
  readonly createdAt: number;
  result: ResultMessage | null;
  completedAt: number | null;
  /** How many results came for it; more than one where a duplicate came. */
  results: number;
  /** The service has thrown it away. */
  gone: boolean;
}

interface Group {
  readonly id: string;
  readonly owner: string;
  /** The queue of its results; `null` where nobody asked for one. */
  queue: string | null;
  readonly tasks: TaskRecord[];
}

/** Tasks and their groups, as the service keeps them. */
export class TaskBook {
  /** A finished result that nobody fetched is thrown away after this. */
  resultLifetimeMs = 30 * 60_000;
  private readonly tasks = new Map<string, TaskRecord>();
  private readonly groups = new Map<string, Group>();

  /** The group of this id where it is the owner's, else a new one. */
  group(id: string | undefined, owner: string): Group {
    const known = this.groups.get(id ?? '');
    if (known?.owner === owner) return known;
    const group: Group = { id: randomUUID(), owner, queue: null, tasks: [] };
    this.groups.set(group.id, group);
    return group;
  }

  knownGroup(id: string): Group | undefined {
    return this.groups.get(id);
  }

  add(group: Group, task: Pick<TaskRecord, 'functionId' | 'owner' | 'runner' | 'payload'>): TaskRecord {
    const record: TaskRecord = {
      ...task,
      id: randomUUID(),
      groupId: group.id,
      createdAt: Date.now(),
      result: null,
      completedAt: null,
      results: 0,
      gone: false,
    };
    this.tasks.set(record.id, record);
    group.tasks.push(record);
    return record;
  }

  find(id: string): TaskRecord | undefined {
    const task = this.tasks.get(id);
    if (task?.completedAt != null && Date.now() - task.completedAt > this.resultLifetimeMs) task.gone = true;
    return task?.gone === true ? undefined : task;
  }

  /** Every task that was ever taken, those thrown away too. */
  all(): readonly TaskRecord[] {
    return [...this.tasks.values()];
  }

  pendingOf(runner: string): readonly TaskRecord[] {
    return this.all().filter((task) => task.runner === runner && task.result === null && !task.gone);
  }

  finish(task: TaskRecord, message: ResultMessage): void {
    task.results++;
    // The first one counts, whatever comes later.
    if (task.result !== null) return;
    task.result = message;
    task.completedAt = Date.now();
  }

  status(
    id: string,
    waiting: (runner: string) => string,
  ): Schemas['TaskStatusResponse'] & { reason?: string } {
    const task = this.find(id);
    if (task === undefined) return { task_id: id, status: 'failed', reason: 'unknown task id' };
    const { result, completedAt } = task;
    if (result === null || completedAt === null) return { task_id: id, status: waiting(task.runner) };
    const failed = result.error_details != null;
    return {
      task_id: id,
      status: failed ? 'failed' : 'success',
      completion_t: String(completedAt / 1000),
      ...(failed ? { exception: result.data } : { result: result.data }),
      ...(result.details == null ? {} : { details: result.details }),
    };
  }
}
