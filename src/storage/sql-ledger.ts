import type { Kysely, Transaction } from 'kysely';
import type { Json } from '../study/json';
import type { Params } from '../study/space';
import type { StudySpec } from '../study/spec';
import type { Direction, Trial } from '../study/trial';
import { PerdureError } from '../study/error';
import type { Spent } from '../agent/limits';
import type { CallKey, RoundRecord } from '../agent/round';
import { beginCall, listCalls, listRounds, saveRound, settleCall, spentOnCalls } from './call-rows';
import { findCached } from './cache-rows';
import type {
  CachedResult,
  CallEnd,
  CallOpening,
  CallRow,
  JobRow,
  Ledger,
  LedgerStudy,
  NewCall,
  NewStudy,
  Proposal,
  Proposed,
  SiteRow,
  Submission,
  TrialCounts,
  TrialResult,
  TrialVersion,
  SourceFile,
} from './ledger';
import { GlobusRows } from './globus-rows';
import type { Batches } from './batches';
import type { DatabaseKind } from './optuna-schema';
import { SqlBatches } from './sql-batches';
import { ownStudy, studyId, studyUuid, type OwnStudy, type OwnTrial } from './study-ids';
import { createStudy, findStudy, listStudies, saveSpec, setStudyAttrs } from './study-rows';
import type { Tables } from './tables';
import { commitProposals, countTrials, enqueue, findProposals, proposedNumbers } from './proposal-rows';
import { listJobs, placeJob } from './job-rows';
import { noteSites, readSites } from './site-rows';
import {
  beginSubmission,
  claimSubmission,
  findSubmission,
  releaseSubmission,
  settleSubmission,
  withdrawSubmission,
} from './submission-rows';
import { readTrials } from './trial-reader';
import {
  clearIntermediateValues,
  finishTrial,
  rowsPerStatement,
  setIntermediateValues,
  setIntermediateValuesAtOnce,
  setTrialAttrs,
  trialId,
} from './trial-rows';
import { asUnavailable } from './unavailable';
import { readReports, readVersions } from './version-rows';

/** How often a transaction that lost to another one is made again. */
const tries = 5;

/** The ledger in a SQL database. What each method does is in the files beside this one; here are transactions and errors. */
export class SqlLedger implements Ledger {
  readonly globus: GlobusRows;
  readonly batches: Batches;

  readonly maxStep: number;

  constructor(
    private readonly db: Kysely<Tables>,
    private readonly kind: DatabaseKind,
    readonly url: string,
  ) {
    // Optuna's step column has 32 bits in PostgreSQL. A larger step would make the whole write fail, and the trial could not end.
    this.maxStep = kind === 'sqlite' ? Number.MAX_SAFE_INTEGER : 2 ** 31 - 1;
    const access = {
      read: <T>(work: (db: Kysely<Tables>) => Promise<T>) => this.read(work),
      write: <T>(work: (trx: Transaction<Tables>) => Promise<T>) => this.write(work),
    };
    this.globus = new GlobusRows(access, (sha256) => this.getFile(sha256));
    this.batches = new SqlBatches(access);
  }

  createStudy(study: NewStudy): Promise<LedgerStudy> {
    return this.write((trx) => createStudy(trx, study));
  }

  findStudy(name: string): Promise<LedgerStudy | null> {
    return this.read((db) => findStudy(db, name));
  }

  listStudies(): Promise<readonly LedgerStudy[]> {
    return this.read((db) => listStudies(db));
  }

  saveSpec(study: string, version: number, spec: StudySpec, file?: SourceFile): Promise<void> {
    return this.onOwnStudy(study, (trx, ids) => saveSpec(trx, ids, version, spec, file));
  }

  setStudyAttrs(study: string, attrs: Readonly<Record<string, Json>>): Promise<void> {
    return this.onStudy(study, (trx, id) => setStudyAttrs(trx, id, attrs));
  }

  enqueue(
    study: string,
    key: string,
    params: Params,
    userAttrs: Readonly<Record<string, Json>> = {},
    room: number | null = null,
  ): Promise<number> {
    return this.onOwnStudy(study, (trx, ids) => enqueue(trx, ids, key, { params, userAttrs, room }));
  }

  proposedNumbers(study: string): Promise<readonly number[]> {
    return this.readOwn(study, [], (db, uuid) => proposedNumbers(db, uuid));
  }

  findProposals(study: string, keys: readonly string[]): Promise<readonly Proposed[]> {
    return this.read(async (db) => findProposals(db, await ownStudy(db, study), keys));
  }

  commitProposals(study: string, proposals: readonly Proposal[]): Promise<readonly Proposed[]> {
    if (proposals.length === 0) return Promise.resolve([]);
    return this.onOwnStudy(study, (trx, ids) => commitProposals(trx, ids, proposals));
  }

  setIntermediateValues(study: string, number: number, values: ReadonlyMap<number, number>): Promise<void> {
    const rows = this.storable(values);
    // This is the most frequent write, and each statement of SQLite costs two messages between threads.
    if (this.kind === 'sqlite' && rows.size > 0 && rows.size <= rowsPerStatement)
      return this.retried(() => setIntermediateValuesAtOnce(this.db, study, number, rows));
    return this.onTrial(study, number, (trx, id) => setIntermediateValues(trx, id, rows));
  }

  clearIntermediateValues(study: string, number: number): Promise<void> {
    return this.onTrial(study, number, (trx, id) => clearIntermediateValues(trx, id));
  }

  setTrialAttrs(study: string, number: number, attrs: Readonly<Record<string, Json>>): Promise<void> {
    return this.onTrial(study, number, (trx, id) => setTrialAttrs(trx, id, attrs));
  }

  finishTrial(study: string, number: number, result: TrialResult): Promise<boolean> {
    return this.onTrial(study, number, (trx, id) => finishTrial(trx, id, result));
  }

  readTrials(study: string, which: Parameters<Ledger['readTrials']>[1]): Promise<readonly Trial[]> {
    return this.read((db) => readTrials(db, study, which));
  }

  readVersions(
    study: string,
    which: Parameters<Ledger['readVersions']>[1],
  ): Promise<readonly TrialVersion[]> {
    return this.read((db) => readVersions(db, study, which));
  }

  readReports(study: string, after: Parameters<Ledger['readReports']>[1]): ReturnType<Ledger['readReports']> {
    return this.read((db) => readReports(db, study, after));
  }

  countTrials(study: string): Promise<TrialCounts> {
    return this.read((db) => countTrials(db, study));
  }

  bestNumber(study: string, direction: Direction): Promise<number | null> {
    const order = direction === 'minimize' ? 'asc' : 'desc';
    return this.read(async (db) => {
      const best = await db
        .selectFrom('trials')
        .innerJoin('trial_values', 'trial_values.trial_id', 'trials.trial_id')
        .select('number')
        .where('study_id', '=', await studyId(db, study))
        .where('state', '=', 'COMPLETE')
        .where('objective', '=', 0)
        // An infinite value is stored as its type, with no number.
        .orderBy(
          (eb) => eb.case('value_type').when('INF_NEG').then(0).when('FINITE').then(1).else(2).end(),
          order,
        )
        .orderBy('value', order)
        .orderBy('number')
        .limit(1)
        .executeTakeFirst();
      return best?.number ?? null;
    });
  }

  placeJob(study: string, job: JobRow): Promise<JobRow | null> {
    return this.onOwnTrial(study, job.number, (trx, trial, id) => placeJob(trx, trial, id, job));
  }

  listJobs(study: string, number: number): Promise<readonly JobRow[]> {
    return this.readOwnTrial(study, number, [], (db, trial) => listJobs(db, trial));
  }

  beginCall(study: string, call: NewCall): Promise<CallOpening> {
    return this.onOwnStudy(study, (trx, { uuid }) => beginCall(trx, uuid, call));
  }

  settleCall(study: string, key: CallKey & { readonly try: number }, end: CallEnd): Promise<void> {
    return this.onOwnStudy(study, (trx, { uuid }) => settleCall(trx, uuid, key, end));
  }

  listCalls(study: string): Promise<readonly CallRow[]> {
    return this.readOwn(study, [], (db, uuid) => listCalls(db, uuid));
  }

  spentOnCalls(study: string): Promise<Spent> {
    return this.readOwn(study, { calls: 0, tokens: 0, costUsd: 0 }, (db, uuid) => spentOnCalls(db, uuid));
  }

  saveRound(study: string, record: RoundRecord): Promise<void> {
    return this.onOwnStudy(study, (trx, { uuid }) => saveRound(trx, uuid, record));
  }

  listRounds(study: string): Promise<readonly RoundRecord[]> {
    return this.readOwn(study, [], (db, uuid) => listRounds(db, uuid));
  }

  findSubmission(study: string, number: number, attempt: number): Promise<Submission | null> {
    return this.readOwnTrial(study, number, null, (db, trial) => findSubmission(db, trial, attempt));
  }

  claimSubmission(study: string, number: number, attempt: number, token: string): Promise<Submission> {
    return this.onOwnTrial(study, number, (trx, trial) => claimSubmission(trx, trial, attempt, token));
  }

  beginSubmission(study: string, number: number, attempt: number, token: string): Promise<boolean | null> {
    return this.onOwnTrial(study, number, (trx, trial) => beginSubmission(trx, trial, attempt, token));
  }

  releaseSubmission(study: string, number: number, attempt: number, token: string): Promise<void> {
    return this.onOwnTrial(study, number, (trx, trial) => releaseSubmission(trx, trial, attempt, token));
  }

  withdrawSubmission(
    study: string,
    number: number,
    attempt: number,
    by: Parameters<Ledger['withdrawSubmission']>[3],
  ): Promise<Submission> {
    return this.onOwnTrial(study, number, (trx, trial) => withdrawSubmission(trx, trial, attempt, by));
  }

  settleSubmission(study: string, number: number, attempt: number): Promise<void> {
    return this.onOwnTrial(study, number, (trx, trial) => settleSubmission(trx, trial, attempt));
  }

  noteSites(worker: string, sites: Parameters<Ledger['noteSites']>[1]): Promise<void> {
    return this.write((trx) => noteSites(trx, worker, sites));
  }

  readSites(): Promise<readonly SiteRow[]> {
    return this.read((db) => readSites(db));
  }

  findCached(key: string): Promise<CachedResult | null> {
    return this.read((db) => findCached(db, key));
  }

  putFile(sha256: string, content: Uint8Array): Promise<void> {
    return this.write(async (trx) => {
      await trx
        .insertInto('perdure_files')
        .values({ sha256, content })
        .onConflict((conflict) => conflict.column('sha256').doNothing())
        .execute();
    });
  }

  getFile(sha256: string): Promise<Uint8Array> {
    return this.read(async (db) => {
      const row = await db
        .selectFrom('perdure_files')
        .select('content')
        .where('sha256', '=', sha256)
        .executeTakeFirst();
      if (row !== undefined) return row.content;
      throw new PerdureError('NotFound', `the ledger has no file ${sha256.slice(0, 12)}…`, {
        where: this.url,
      });
    });
  }

  async close(): Promise<void> {
    await this.db.destroy();
  }

  private async read<T>(work: (db: Kysely<Tables>) => Promise<T>): Promise<T> {
    try {
      return await work(this.db);
    } catch (error) {
      throw asUnavailable(error, this.url);
    }
  }

  private storable(values: ReadonlyMap<number, number>): ReadonlyMap<number, number> {
    return new Map([...values].filter(([step]) => step <= this.maxStep));
  }

  /** One transaction, made again where it lost to another one. */
  private write<T>(work: (trx: Transaction<Tables>) => Promise<T>): Promise<T> {
    return this.retried(() => this.db.transaction().execute(work));
  }

  private async retried<T>(work: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await work();
      } catch (error) {
        const known = asUnavailable(error, this.url);
        const again =
          known instanceof PerdureError && known.kind === 'Unavailable' && isContention(known.cause);
        if (!again || attempt === tries) throw known;
        await new Promise((resolve) => setTimeout(resolve, 20 * 2 ** attempt * (0.5 + Math.random())));
      }
    }
  }

  /** A transaction that holds the study's lock, so that numbers have no gap. SQLite has one lock for all. */
  private onStudy<T>(study: string, work: (trx: Transaction<Tables>, id: number) => Promise<T>): Promise<T> {
    return this.write(async (trx) => work(trx, await studyId(trx, study, this.kind === 'postgresql')));
  }

  /** Like `onStudy`, for a study that Perdure has started. */
  private onOwnStudy<T>(
    study: string,
    work: (trx: Transaction<Tables>, ids: OwnStudy) => Promise<T>,
  ): Promise<T> {
    return this.write(async (trx) => work(trx, await ownStudy(trx, study, this.kind === 'postgresql')));
  }

  /** Like `onTrial`, with the trial's key in Perdure's tables. */
  private onOwnTrial<T>(
    study: string,
    number: number,
    work: (trx: Transaction<Tables>, trial: OwnTrial, id: number) => Promise<T>,
  ): Promise<T> {
    return this.onTrial(study, number, async (trx, id) => {
      const { uuid } = await ownStudy(trx, study);
      return work(trx, { uuid, number }, id);
    });
  }

  /** Reads from Perdure's tables; returns `none` for a study that Perdure has not started. */
  private readOwn<T>(
    study: string,
    none: T,
    work: (db: Kysely<Tables>, uuid: string) => Promise<T>,
  ): Promise<T> {
    return this.read(async (db) => {
      const uuid = await studyUuid(db, study);
      return uuid === null ? none : work(db, uuid);
    });
  }

  /** Like `readOwn`, for one trial. @throws `NotFound` if there is no such trial */
  private readOwnTrial<T>(
    study: string,
    number: number,
    none: T,
    work: (db: Kysely<Tables>, trial: OwnTrial) => Promise<T>,
  ): Promise<T> {
    return this.readOwn(study, none, async (db, uuid) => {
      await trialId(db, study, number);
      return work(db, { uuid, number });
    });
  }

  private onTrial<T>(
    study: string,
    number: number,
    work: (trx: Transaction<Tables>, id: number) => Promise<T>,
  ): Promise<T> {
    return this.write(async (trx) =>
      work(trx, await trialId(trx, study, number, this.kind === 'postgresql')),
    );
  }
}

function isContention(cause: unknown): boolean {
  if (typeof cause !== 'object' || cause === null) return false;
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : '';
  return code.startsWith('40') || ('busy' in cause && cause.busy === true);
}
