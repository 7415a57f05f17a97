import type { Kysely, Selectable, Transaction } from 'kysely';
import type { JobCounts, JobSpec } from '../jobs/job';
import { PerdureError } from '../study/error';
import type { FailReason } from '../study/trial';
import type { Batch, Batches, JobRecord, JobResultRow, NewBatch, WhichJobs } from './batches';
import type { JobRow } from './ledger';
import { fromPythonJson, toPythonJson } from './python-json';
import type { Tables } from './tables';
import { fromTimestamp, toTimestamp } from './values';

/** Rows in one statement, far below SQLite's 32,766 parameters. */
const chunk = 500;

/** Reading, and one transaction, with errors of the database as domain errors. */
export interface Access {
  readonly read: <T>(work: (db: Kysely<Tables>) => Promise<T>) => Promise<T>;
  readonly write: <T>(work: (trx: Transaction<Tables>) => Promise<T>) => Promise<T>;
}

export class SqlBatches implements Batches {
  constructor(private readonly access: Access) {}

  create({ jobs, about, ...batch }: NewBatch): Promise<Batch> {
    return this.access.write(async (trx) => {
      const row = await trx
        .insertInto('perdure_batches')
        .values({
          ...batch,
          count: jobs.length,
          about_json: toPythonJson(about),
          created_at: toTimestamp(new Date()),
        })
        .onConflict((conflict) => conflict.column('name').doNothing())
        .returning('name')
        .executeTakeFirst();
      if (row !== undefined) {
        const rows = jobs.map(({ id, spec }, number) => ({
          uuid: batch.uuid,
          number,
          job_id: id,
          spec_json: JSON.stringify(spec),
          state: 'WAITING' as const,
          attempts: 0,
        }));
        for (let at = 0; at < rows.length; at += chunk)
          await trx
            .insertInto('perdure_batch_jobs')
            .values(rows.slice(at, at + chunk))
            .execute();
      }
      const present = await findBatch(trx, batch.name);
      if (present !== null) return present;
      throw new PerdureError('Corrupt', `'${batch.name}' could not be read back`);
    });
  }

  find(name: string): Promise<Batch | null> {
    return this.access.read((db) => findBatch(db, name));
  }

  list(): Promise<readonly Batch[]> {
    return this.access.read(async (db) => {
      const rows = await db
        .selectFrom('perdure_batches')
        .selectAll()
        .orderBy('created_at')
        .orderBy('name')
        .execute();
      return rows.map(batchOf);
    });
  }

  readJobs(uuid: string, { after, limit, numbers, id, open }: WhichJobs): Promise<readonly JobRecord[]> {
    return this.access.read(async (db) => {
      let query = db.selectFrom('perdure_batch_jobs').selectAll().where('uuid', '=', uuid).orderBy('number');
      if (after !== undefined) query = query.where('number', '>', after);
      if (limit !== undefined) query = query.limit(limit);
      if (numbers !== undefined) query = query.where('number', 'in', [...numbers]);
      if (id !== undefined) query = query.where('job_id', '=', id);
      if (open === true) query = query.where('state', 'in', ['WAITING', 'RUNNING']);
      return (await query.execute()).map(recordOf);
    });
  }

  countJobs(uuid: string): Promise<JobCounts> {
    return this.access.read(async (db) => {
      const rows = await db
        .selectFrom('perdure_batch_jobs')
        .select(['state', ({ fn }) => fn.countAll().as('count')])
        .where('uuid', '=', uuid)
        .groupBy('state')
        .execute();
      const counts = { WAITING: 0, RUNNING: 0, COMPLETE: 0, FAIL: 0 };
      for (const { state, count } of rows) counts[state] = Number(count);
      return counts;
    });
  }

  placeJob(uuid: string, { number, attempt, site, host }: JobRow): Promise<JobRow | null> {
    return this.access.write(async (trx) => {
      const { numUpdatedRows } = await trx
        .updateTable('perdure_batch_jobs')
        .set({ state: 'RUNNING' })
        .where('uuid', '=', uuid)
        .where('number', '=', number)
        .where('state', 'in', ['WAITING', 'RUNNING'])
        .executeTakeFirst();
      if (Number(numUpdatedRows) === 0) return null;
      await trx
        .insertInto('perdure_batch_places')
        .values({ uuid, number, attempt, site, host })
        .onConflict((conflict) => conflict.columns(['uuid', 'number', 'attempt']).doNothing())
        .execute();
      return trx
        .selectFrom('perdure_batch_places')
        .select(['number', 'attempt', 'site', 'host'])
        .where('uuid', '=', uuid)
        .where('number', '=', number)
        .where('attempt', '=', attempt)
        .executeTakeFirstOrThrow();
    });
  }

  listPlaces(uuid: string, number: number): Promise<readonly JobRow[]> {
    return this.access.read((db) =>
      db
        .selectFrom('perdure_batch_places')
        .select(['number', 'attempt', 'site', 'host'])
        .where('uuid', '=', uuid)
        .where('number', '=', number)
        .orderBy('attempt')
        .execute(),
    );
  }

  report(uuid: string, number: number, report: JobRecord['report']): Promise<void> {
    return this.access.write(async (trx) => {
      await trx
        .updateTable('perdure_batch_jobs')
        .set({ report_json: report === null ? null : toPythonJson({ ...report }) })
        .where('uuid', '=', uuid)
        .where('number', '=', number)
        .where('state', 'in', ['WAITING', 'RUNNING'])
        .execute();
    });
  }

  finishJob(uuid: string, number: number, end: JobResultRow): Promise<boolean> {
    const { verdict, output, directory, attempts, startedAt, endedAt } = end;
    const complete = verdict.state === 'COMPLETE';
    return this.access.write(async (trx) => {
      const { numUpdatedRows } = await trx
        .updateTable('perdure_batch_jobs')
        .set({
          state: verdict.state,
          result_json: complete ? toPythonJson(verdict.result) : null,
          reason: complete ? null : verdict.reason,
          error: complete ? null : verdict.message,
          output: complete ? null : output,
          directory,
          attempts,
          started_at: startedAt === null ? null : toTimestamp(startedAt),
          ended_at: toTimestamp(endedAt ?? new Date()),
        })
        .where('uuid', '=', uuid)
        .where('number', '=', number)
        .where('state', 'in', ['WAITING', 'RUNNING'])
        .executeTakeFirst();
      return Number(numUpdatedRows) > 0;
    });
  }

  cancelWaiting(uuid: string, after: number, message: string): Promise<number> {
    return this.access.write(async (trx) => {
      const { numUpdatedRows } = await trx
        .updateTable('perdure_batch_jobs')
        .set({ state: 'FAIL', reason: 'cancelled', error: message, ended_at: toTimestamp(new Date()) })
        .where('uuid', '=', uuid)
        .where('number', '>', after)
        .where('state', '=', 'WAITING')
        .executeTakeFirst();
      return Number(numUpdatedRows);
    });
  }
}

async function findBatch(db: Kysely<Tables>, name: string): Promise<Batch | null> {
  const row = await db.selectFrom('perdure_batches').selectAll().where('name', '=', name).executeTakeFirst();
  return row === undefined ? null : batchOf(row);
}

function batchOf({ about_json, created_at, ...row }: Selectable<Tables['perdure_batches']>): Batch {
  return { ...row, about: fromPythonJson(about_json), createdAt: fromTimestamp(created_at) ?? new Date(0) };
}

function recordOf(row: Selectable<Tables['perdure_batch_jobs']>): JobRecord {
  return {
    number: row.number,
    id: row.job_id,
    // Written by this class alone.
    spec: JSON.parse(row.spec_json) as JobSpec,
    state: row.state,
    result: row.result_json === null ? null : fromPythonJson(row.result_json),
    reason: row.reason as FailReason | null,
    error: row.error,
    output: row.output,
    directory: row.directory,
    attempts: row.attempts,
    report:
      row.report_json === null ? null : (fromPythonJson(row.report_json) as unknown as JobRecord['report']),
    startedAt: fromTimestamp(row.started_at),
    endedAt: fromTimestamp(row.ended_at),
  };
}
