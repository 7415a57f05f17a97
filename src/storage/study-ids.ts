import type { Kysely } from 'kysely';
import { PerdureError } from '../study/error';
import type { Tables } from './tables';

/** Optuna deletes this with the study; a row of ours without it belongs to a study that is gone. */
export const uuidAttribute = 'perdure:uuid';

/** @throws `NotFound` */
export async function studyId(db: Kysely<Tables>, name: string, lock = false): Promise<number> {
  let query = db.selectFrom('studies').select('study_id').where('study_name', '=', name);
  if (lock) query = query.forUpdate();
  const row = await query.executeTakeFirst();
  if (row !== undefined) return row.study_id;
  throw new PerdureError('NotFound', `there is no study '${name}'`, {
    hint: 'perdure list shows the studies',
  });
}
