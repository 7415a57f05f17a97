import { isDeepStrictEqual } from 'node:util';
import type { Kysely } from 'kysely';
import { PerdureError } from '../study/error';
import { canonicalText, type Json } from '../study/json';
import type { StudySpec } from '../study/spec';
import type { Direction } from '../study/trial';
import type { LedgerStudy, NewStudy, SourceFile } from './ledger';
import { enqueue } from './proposal-rows';
import { fromPythonJson, toPythonJson } from './python-json';
import { studiesWithOwn, studyId, uuidAttribute, type OwnStudy } from './study-ids';
import type { Tables } from './tables';
import { fromDistributionJson, fromTimestamp, toDistributionJson, toTimestamp } from './values';

type Db = Kysely<Tables>;

export async function findStudy(db: Db, name: string): Promise<LedgerStudy | null> {
  const [study] = await selectStudies(db, name);
  return study ?? null;
}

export async function listStudies(db: Db): Promise<readonly LedgerStudy[]> {
  return selectStudies(db);
}

async function selectStudies(db: Db, name?: string): Promise<readonly LedgerStudy[]> {
  let query = studiesWithOwn(db)
    .select(['studies.study_id', 'studies.study_name', 'uuid', 'seed', 'file_hash', 'file_spec_json'])
    .select(['spec_version', 'spec_json', 'created_at'])
    .orderBy('studies.study_id');
  if (name !== undefined) query = query.where('studies.study_name', '=', name);
  const studies = await query.execute();
  const rows = await db.selectFrom('study_directions').selectAll().orderBy('objective').execute();
  const directions = Map.groupBy(rows, (row) => row.study_id);
  const attrs = Map.groupBy(
    await selectAttrs(db, studies.length === 1 ? studies[0]?.study_id : undefined),
    (row) => row.study_id,
  );
  return studies.map((row) => ({
    name: row.study_name,
    directions: (directions.get(row.study_id) ?? []).map(({ direction }) => toDirection(direction)),
    attrs: Object.fromEntries(
      (attrs.get(row.study_id) ?? []).map(({ key, value_json }) => [key, fromPythonJson(value_json)]),
    ),
    perdure:
      row.uuid === null
        ? null
        : {
            uuid: row.uuid,
            seed: Number(row.seed),
            fileHash: row.file_hash ?? '',
            fileSpec: JSON.parse(row.file_spec_json ?? 'null') as StudySpec,
            specVersion: row.spec_version ?? 1,
            spec: JSON.parse(row.spec_json ?? 'null') as StudySpec,
            createdAt: fromTimestamp(row.created_at) ?? new Date(0),
          },
  }));
}

function selectAttrs(
  db: Db,
  studyId: number | undefined,
): Promise<{ study_id: number; key: string; value_json: string }[]> {
  const query = db.selectFrom('study_user_attributes').select(['study_id', 'key', 'value_json']);
  return (studyId === undefined ? query : query.where('study_id', '=', studyId)).execute();
}

function toDirection(direction: Tables['study_directions']['direction']): Direction {
  return direction === 'MAXIMIZE' ? 'maximize' : 'minimize';
}

export async function createStudy(trx: Db, study: NewStudy): Promise<LedgerStudy> {
  const { name, objectives } = study.spec;
  const directions = objectives.map(({ direction }) => direction);
  const inserted = await trx
    .insertInto('studies')
    .values({ study_name: name })
    .onConflict((conflict) => conflict.column('study_name').doNothing())
    .returning('study_id')
    .executeTakeFirst();
  const id = inserted?.study_id ?? (await studyId(trx, name));
  if (inserted !== undefined) {
    const rows = directions.map((direction, objective) => ({
      study_id: id,
      objective,
      direction: direction === 'maximize' ? ('MAXIMIZE' as const) : ('MINIMIZE' as const),
    }));
    await trx.insertInto('study_directions').values(rows).execute();
  }
  const present = await findStudy(trx, name);
  if (present === null) throw new PerdureError('Corrupt', `study '${name}' could not be read back`);
  if (present.perdure?.uuid === study.uuid) return present;
  if (present.perdure !== null) {
    throw new PerdureError('Conflict', `a study '${name}' exists already`, { hint: 'choose another name' });
  }
  if (present.directions.join() !== directions.join()) {
    throw new PerdureError(
      'Conflict',
      `the study '${name}' exists with other directions (${present.directions.join(', ')}; the file says ${directions.join(', ')})`,
      { hint: 'choose another name' },
    );
  }
  // Rows of a deleted study of this name may remain. Deleting this row also deletes the rows that refer to it.
  await trx.deleteFrom('perdure_studies').where('study_name', '=', name).execute();
  await trx
    .insertInto('perdure_studies')
    .values({
      uuid: study.uuid,
      study_name: name,
      seed: study.seed,
      file_hash: study.fileHash,
      file_spec_json: JSON.stringify(study.fileSpec ?? study.spec),
      spec_version: 1,
      spec_json: JSON.stringify(study.spec),
      created_at: toTimestamp(new Date()),
    })
    .execute();
  await trx
    .insertInto('study_system_attributes')
    .values({ study_id: id, key: uuidAttribute, value_json: toPythonJson(study.uuid) })
    .onConflict((conflict) =>
      conflict.columns(['study_id', 'key']).doUpdateSet({ value_json: toPythonJson(study.uuid) }),
    )
    .execute();
  // As `Study.set_metric_names` of Optuna, whose plots and dashboard then say what an objective is.
  const names = toPythonJson(objectives.map(({ metric }) => metric));
  await trx
    .insertInto('study_system_attributes')
    .values({ study_id: id, key: 'study:metric_names', value_json: names })
    .onConflict((conflict) => conflict.columns(['study_id', 'key']).doNothing())
    .execute();
  await enqueueOfFile(trx, { study_id: id, uuid: study.uuid }, study.spec);
  await rewriteChoices(trx, id, study.spec);
  const made = await findStudy(trx, name);
  if (made === null) throw new PerdureError('Corrupt', `study '${name}' could not be read back`);
  return made;
}

export async function setStudyAttrs(
  trx: Db,
  id: number,
  attrs: Readonly<Record<string, Json>>,
): Promise<void> {
  for (const [key, value] of Object.entries(attrs)) {
    const value_json = toPythonJson(value);
    await trx
      .insertInto('study_user_attributes')
      .values({ study_id: id, key, value_json })
      .onConflict((conflict) => conflict.columns(['study_id', 'key']).doUpdateSet({ value_json }))
      .execute();
  }
}

/** The trials that a study file asks for, each once: those that it did not ask for before, wherever they stand in it now. */
async function enqueueOfFile(trx: Db, study: OwnStudy, spec: StudySpec): Promise<void> {
  const before = await trx
    .selectFrom('perdure_keys')
    .innerJoin('trials', 'trials.number', 'perdure_keys.number')
    .leftJoin('trial_system_attributes as fixed', (join) =>
      join.onRef('fixed.trial_id', '=', 'trials.trial_id').on('fixed.key', '=', 'fixed_params'),
    )
    .select('fixed.value_json')
    .where('uuid', '=', study.uuid)
    .where('trials.study_id', '=', study.study_id)
    .where('kind', '=', 'enqueue')
    .where('perdure_keys.key', 'like', 'file/%')
    .execute();
  const known = before.map(({ value_json }) => canonicalText(fromPythonJson(value_json ?? '{}')));
  let next = known.length;
  for (const params of spec.enqueue) {
    const same = known.indexOf(canonicalText(params));
    if (same >= 0) known.splice(same, 1);
    else await enqueue(trx, study, `file/${String(next++)}`, { params });
  }
}

export async function saveSpec(
  trx: Db,
  study: OwnStudy,
  version: number,
  spec: StudySpec,
  file?: SourceFile,
): Promise<void> {
  const row = await trx
    .selectFrom('perdure_studies')
    .select(['spec_version', 'spec_json'])
    .where('uuid', '=', study.uuid)
    .executeTakeFirst();
  const text = JSON.stringify(spec);
  if (row?.spec_version === version && row.spec_json === text) return;
  if (row?.spec_version !== version - 1) {
    throw new PerdureError(
      'Conflict',
      `the specification is at version ${String(row?.spec_version)}, so it can't become ${String(version)}`,
    );
  }
  await trx
    .updateTable('perdure_studies')
    .set({
      spec_version: version,
      spec_json: text,
      ...(file === undefined ? {} : { file_hash: file.hash, file_spec_json: JSON.stringify(file.spec) }),
    })
    .where('uuid', '=', study.uuid)
    .execute();
  if (file !== undefined) await enqueueOfFile(trx, study, spec);
  await rewriteChoices(trx, study.study_id, spec);
}

/**
 * Brings every row of a categorical parameter to the present list of choices. The list only grows at its end, so the
 * stored index stays right; Optuna refuses a study whose rows have different lists.
 */
async function rewriteChoices(trx: Db, id: number, spec: StudySpec): Promise<void> {
  for (const [name, { distribution }] of Object.entries(spec.space)) {
    if (distribution.type !== 'categorical') continue;
    const distribution_json = toDistributionJson(distribution);
    const ofStudy = trx.selectFrom('trials').select('trial_id').where('study_id', '=', id);
    const others = await trx
      .selectFrom('trial_params')
      .select('distribution_json')
      .distinct()
      .where('param_name', '=', name)
      .where('distribution_json', '!=', distribution_json)
      .where('distribution_json', 'like', '%CategoricalDistribution%')
      .where('trial_id', 'in', ofStudy)
      .execute();
    // The same list may be written otherwise: Python's 1.0 is our 1, and stays what it is.
    const outdated = others
      .map((row) => row.distribution_json)
      .filter((text) => !isDeepStrictEqual(fromDistributionJson(text), distribution));
    if (outdated.length === 0) continue;
    await trx
      .updateTable('trial_params')
      .set({ distribution_json })
      .where('param_name', '=', name)
      .where('distribution_json', 'in', outdated)
      .where('trial_id', 'in', ofStudy)
      .execute();
  }
}
