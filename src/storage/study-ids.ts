import { sql, type Kysely } from 'kysely';
import { PerdureError } from '../study/error';
import type { Tables } from './tables';

type Db = Kysely<Tables>;

/**
 * The system attribute with a study's UUID. Optuna deletes it together with the study, and copies it in `copy_study`. So Perdure has
 * started a study only if both its attribute and its name match a row of `perdure_studies`.
 */
export const uuidAttribute = 'perdure:uuid';

/** A study that Perdure has started: the id of Optuna's row, valid within one transaction, and the permanent UUID. */
export interface OwnStudy {
  readonly study_id: number;
  readonly uuid: string;
}

/** The key of a trial in Perdure's tables. */
export interface OwnTrial {
  readonly uuid: string;
  readonly number: number;
}

/** All studies, each joined with its row of `perdure_studies` as `own`; its columns are `null` if Perdure has not started the study. */
export function studiesWithOwn(db: Db) {
  return db
    .selectFrom('studies')
    .leftJoin('study_system_attributes as mark', (join) =>
      join.onRef('mark.study_id', '=', 'studies.study_id').on('mark.key', '=', uuidAttribute),
    )
    .leftJoin('perdure_studies as own', (join) =>
      join
        .onRef('own.study_name', '=', 'studies.study_name')
        // The attribute is JSON text; a UUID needs no escapes in it.
        .on('mark.value_json', '=', sql<string>`'"' || ${sql.ref('own.uuid')} || '"'`),
    );
}

/** @throws `NotFound` */
export async function studyId(db: Db, name: string, lock = false): Promise<number> {
  let query = db.selectFrom('studies').select('study_id').where('study_name', '=', name);
  if (lock) query = query.forUpdate();
  const row = await query.executeTakeFirst();
  if (row !== undefined) return row.study_id;
  throw new PerdureError('NotFound', `there is no study '${name}'`, {
    hint: 'perdure list shows the studies',
  });
}

/** The UUID of a study; `null` if Perdure has not started it. @throws `NotFound` */
export async function studyUuid(db: Db, name: string): Promise<string | null> {
  const row = await studiesWithOwn(db)
    .select('own.uuid')
    .where('studies.study_name', '=', name)
    .executeTakeFirst();
  if (row === undefined) await studyId(db, name);
  return row?.uuid ?? null;
}

/**
 * Both ids of a study that Perdure has started.
 * @param lock takes PostgreSQL's lock on the study's row
 * @throws `NotFound` where there is no such study, or Perdure has not started it
 */
export async function ownStudy(db: Db, name: string, lock = false): Promise<OwnStudy> {
  const study_id = await studyId(db, name, lock);
  const uuid = await studyUuid(db, name);
  if (uuid !== null) return { study_id, uuid };
  throw new PerdureError('NotFound', `the study '${name}' was not started by Perdure`, {
    hint: 'start it: perdure start FILE',
  });
}
