import type { Kysely, Transaction } from 'kysely';
import type { Json, JsonObject } from '../study/json';
import { appendAll } from '../study/lists';
import type { Tables } from './tables';

/** How a database is asked; the ledger's own ways, with its errors and its repetitions. */
export interface Access {
  read<T>(work: (db: Kysely<Tables>) => Promise<T>): Promise<T>;
  write<T>(work: (trx: Transaction<Tables>) => Promise<T>): Promise<T>;
}

interface TaskRow {
  readonly attempt: string;
  readonly taskId: string;
  readonly submittedAt: Date;
  readonly ended: string | null;
}

interface AttemptRow {
  readonly attempt: string;
  readonly request: JsonObject | null;
  readonly stop: JsonObject | null;
  readonly outcome: Json;
  readonly tasks: readonly TaskRow[];
}

/** Names in one condition of a query: SQLite takes some 32,000 values. */
const most = 1000;

/**
 * What sites of Globus Compute keep beside the ledger: which functions a service has, the task groups of a site, the tasks of each
 * attempt and what came of it. Rows are of no study: an attempt's name has a hash of the study's UUID in it.
 */
export class GlobusRows {
  constructor(
    private readonly access: Access,
    /** Bytes of a study's file. */
    readonly readFile: (sha256: string) => Promise<Uint8Array>,
  ) {}

  findFunction(service: string, hash: string): Promise<string | null> {
    return this.access.read(async (db) => {
      const row = await db
        .selectFrom('perdure_globus_functions')
        .select('function_id')
        .where('service', '=', service)
        .where('hash', '=', hash)
        .executeTakeFirst();
      return row?.function_id ?? null;
    });
  }

  keepFunction(service: string, hash: string, id: string): Promise<string> {
    return this.access.write(async (trx) => {
      await trx
        .insertInto('perdure_globus_functions')
        .values({ service, hash, function_id: id })
        .onConflict((conflict) => conflict.columns(['service', 'hash']).doNothing())
        .execute();
      const row = await trx
        .selectFrom('perdure_globus_functions')
        .select('function_id')
        .where('service', '=', service)
        .where('hash', '=', hash)
        .executeTakeFirstOrThrow();
      return row.function_id;
    });
  }

  forgetFunction(service: string, hash: string, id: string): Promise<void> {
    return this.access.write(async (trx) => {
      await trx
        .deleteFrom('perdure_globus_functions')
        .where('service', '=', service)
        .where('hash', '=', hash)
        .where('function_id', '=', id)
        .execute();
    });
  }

  taskGroups(site: string): Promise<readonly string[]> {
    return this.access.read(async (db) => {
      const rows = await db
        .selectFrom('perdure_globus_groups')
        .select('group_id')
        .where('site', '=', site)
        .orderBy('kept_at', 'desc')
        .orderBy('group_id')
        .execute();
      return rows.map(({ group_id }) => group_id);
    });
  }

  keepTaskGroup(site: string, group: string): Promise<void> {
    return this.access.write(async (trx) => {
      await trx
        .insertInto('perdure_globus_groups')
        .values({ group_id: group, site, kept_at: now() })
        .onConflict((conflict) => conflict.column('group_id').doNothing())
        .execute();
    });
  }

  keepAttempt(site: string, attempt: string, request: JsonObject): Promise<AttemptRow> {
    return this.keepFirst(site, attempt, 'request_json', request);
  }

  keepStop(site: string, attempt: string, stop: JsonObject): Promise<AttemptRow> {
    return this.keepFirst(site, attempt, 'stop_json', stop);
  }

  keepOutcome(site: string, attempt: string, outcome: JsonObject): Promise<boolean> {
    return this.access.write(async (trx) => {
      await insertAttempt(trx, site, attempt);
      const { numUpdatedRows } = await trx
        .updateTable('perdure_globus_attempts')
        .set({ outcome_json: JSON.stringify(outcome), ended_at: now() })
        .where('attempt', '=', attempt)
        .where('outcome_json', 'is', null)
        .executeTakeFirst();
      return numUpdatedRows > 0n;
    });
  }

  keepTasks(
    site: string,
    tasks: readonly { readonly attempt: string; readonly taskId: string }[],
  ): Promise<void> {
    if (tasks.length === 0) return Promise.resolve();
    const submitted_at = now();
    return this.access.write(async (trx) => {
      for (const { attempt, taskId } of tasks) {
        await trx
          .insertInto('perdure_globus_tasks')
          .values({ task_id: taskId, site, attempt, submitted_at, ended: null })
          .onConflict((conflict) => conflict.column('task_id').doNothing())
          .execute();
      }
    });
  }

  endTask(taskId: string, how: string): Promise<void> {
    return this.access.write(async (trx) => {
      await trx
        .updateTable('perdure_globus_tasks')
        .set({ ended: how })
        .where('task_id', '=', taskId)
        .where('ended', 'is', null)
        .execute();
    });
  }

  findAttempts(attempts: readonly string[]): Promise<readonly AttemptRow[]> {
    return this.access.read(async (db) => {
      const found: AttemptRow[] = [];
      for (let at = 0; at < attempts.length; at += most) {
        appendAll(found, await readAttempts(db, attempts.slice(at, at + most)));
      }
      return found;
    });
  }

  openTasks(site: string): Promise<readonly Omit<TaskRow, 'ended'>[]> {
    return this.access.read(async (db) => {
      const rows = await db
        .selectFrom('perdure_globus_tasks as task')
        .leftJoin('perdure_globus_attempts as attempt', 'attempt.attempt', 'task.attempt')
        .select(['task.task_id', 'task.attempt', 'task.submitted_at'])
        .where('task.site', '=', site)
        .where('task.ended', 'is', null)
        .where('attempt.outcome_json', 'is', null)
        .execute();
      return rows.map(({ task_id, attempt, submitted_at }) => ({
        attempt,
        taskId: task_id,
        submittedAt: new Date(submitted_at),
      }));
    });
  }

  endedAttempts(site: string, before: Date): Promise<readonly string[]> {
    return this.access.read(async (db) => {
      const rows = await db
        .selectFrom('perdure_globus_attempts')
        .select('attempt')
        .where('site', '=', site)
        .where('ended_at', '<', before.toISOString())
        .execute();
      return rows.map(({ attempt }) => attempt);
    });
  }

  forgetAttempts(attempts: readonly string[]): Promise<void> {
    return this.access.write(async (trx) => {
      for (let at = 0; at < attempts.length; at += most) {
        const some = attempts.slice(at, at + most);
        await trx.deleteFrom('perdure_globus_tasks').where('attempt', 'in', some).execute();
        await trx.deleteFrom('perdure_globus_attempts').where('attempt', 'in', some).execute();
      }
    });
  }

  private keepFirst(
    site: string,
    attempt: string,
    column: 'request_json' | 'stop_json',
    value: JsonObject,
  ): Promise<AttemptRow> {
    const text = JSON.stringify(value);
    return this.access.write(async (trx) => {
      await insertAttempt(trx, site, attempt);
      await trx
        .updateTable('perdure_globus_attempts')
        .set(column === 'stop_json' ? { stop_json: text, ended_at: now() } : { request_json: text })
        .where('attempt', '=', attempt)
        .where(column, 'is', null)
        .execute();
      const [row] = await readAttempts(trx, [attempt]);
      if (row === undefined) throw new Error(`the row of ${attempt} vanished within its transaction`);
      return row;
    });
  }
}

async function insertAttempt(trx: Transaction<Tables>, site: string, attempt: string): Promise<void> {
  await trx
    .insertInto('perdure_globus_attempts')
    .values({ attempt, site, request_json: null, stop_json: null, outcome_json: null, ended_at: null })
    .onConflict((conflict) => conflict.column('attempt').doNothing())
    .execute();
}

async function readAttempts(db: Kysely<Tables>, attempts: readonly string[]): Promise<readonly AttemptRow[]> {
  const rows = await db
    .selectFrom('perdure_globus_attempts')
    .selectAll()
    .where('attempt', 'in', attempts)
    .execute();
  const tasks = await db
    .selectFrom('perdure_globus_tasks')
    .selectAll()
    .where('attempt', 'in', attempts)
    .orderBy('submitted_at')
    .orderBy('task_id')
    .execute();
  const tasksOf = Map.groupBy(tasks, ({ attempt }) => attempt);
  return rows.map(({ attempt, request_json, stop_json, outcome_json }) => ({
    attempt,
    request: objectIn(request_json),
    stop: objectIn(stop_json),
    outcome: objectIn(outcome_json),
    tasks: (tasksOf.get(attempt) ?? []).map((task) => ({
      attempt,
      taskId: task.task_id,
      submittedAt: new Date(task.submitted_at),
      ended: task.ended,
    })),
  }));
}

function objectIn(text: string | null): JsonObject | null {
  return text === null ? null : (JSON.parse(text) as JsonObject);
}

/** In one form in both databases, so that times can be compared as texts. */
function now(): string {
  return new Date().toISOString();
}
