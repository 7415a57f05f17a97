import { randomInt, randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import { checkAgent, checkSites, type LoadedStudy } from '../config';
import { tallyAtStart } from '../study/outcome';
import type { Settings } from '../config/settings';
import type { LedgerStudy } from '../storage/ledger';
import { ledgerIdentity } from '../storage/url';
import {
  adjustedKeys,
  budgetChanges,
  continuedSpec,
  withAdjustments,
  type AdjustedKeys,
  type BudgetChange,
} from '../study/continued-spec';
import { messageOf, PerdureError } from '../study/error';
import { searchAttributes, studyKeyword } from '../study/search-attributes';
import type { Distribution } from '../study/space';
import type { StudySpec } from '../study/spec';
import { StudyStateMachine } from '../study/study-state';
import { STUDY_QUEUE } from '../study/task-queues';
import { quoted } from '../study/shell-word';
import type { StudyInput } from '../workflows/study-input';
import { checkEndpoints } from './check-endpoints';
import { checkOptuna } from './check-optuna';
import { checkPrograms, type FoundPrograms } from './local-programs';
import { mustNotRunElsewhere, noteServer } from './other-server';
import type { Session } from './session';
import { StudyHandle } from './study-handle';

/** What {@link openStudy} found and did. */
export type Opening = 'started' | 'continued' | 'attached';

/** A study that was opened. */
export interface Opened {
  readonly handle: StudyHandle;
  readonly opening: Opening;
  /** Limits of the budget that have changed since the study ended. */
  readonly changes: readonly BudgetChange[];
  readonly adjusted: AdjustedKeys;
}

/** Options that only tests set. */
export type TestOptions = Pick<StudyInput, 'continueAfterEvents'>;

export interface OpeningOptions extends TestOptions {
  /** The answer of {@link checkStart}, where the caller has asked it already. */
  readonly found?: FoundPrograms;
}

/**
 * Starts a study, continues one that has ended (to a larger budget, or after its workflow was ended by hand), continues one
 * that Optuna began, or attaches to one that runs. Whatever is killed on the way: the same call again goes on.
 * @throws {@link PerdureError} `InvalidInput` for a site or program that is not there, or a `user_endpoint_config` that an
 * endpoint does not take; `Conflict` for an ended study whose budget is used up, and for a study of that name
 * that runs from another file or on another server, or has other objectives
 */
export async function openStudy(
  session: Session,
  study: LoadedStudy,
  { found, ...options }: OpeningOptions = {},
): Promise<Opened> {
  const { ledger, settings } = session;
  const { name } = study.spec;
  const { programs } = found ?? (await checkStart(study, settings));
  const placed = placedSpec(study, settings);
  const spec = programs === undefined ? placed : { ...placed, programs };
  const handle = new StudyHandle(session, name);
  await session.client();
  const running = (await handle.describe())?.status.name === 'RUNNING';
  // Of a study that has ended, all is in the ledger by now.
  const before = await ledger.findStudy(name);
  if (before !== null) refuseOtherObjectives(study.spec, before);
  if (running) {
    attach(study, before);
    return { handle, opening: 'attached', changes: [], adjusted: { kept: [], replaced: [] } };
  }
  if (before !== null) await mustNotRunElsewhere(session, before, handle.workflowId);
  await checkEndpoints(settings, spec.sites);
  const next = await nextSpec(session, spec, before);
  const ended = before?.perdure ?? null;
  if (ended !== null) await mustHaveBudget(session, study, next, ended);
  for (const [sha256, bytes] of study.files) await ledger.putFile(sha256, bytes);
  const stored = await store(session, { ...study, spec }, next, before);
  await noteServer(session, name);
  await begin(session, handle, stored, options);
  const changes = ended === null ? [] : budgetChanges(ended.spec.budget, next.budget);
  const adjusted =
    ended === null ? { kept: [], replaced: [] } : adjustedKeys(ended.spec, ended.fileSpec, spec);
  return { handle, opening: before === null ? 'started' : 'continued', changes, adjusted };
}

/**
 * What has to be there before anything is started: the sites, the programs that a trial runs on this machine, and Optuna
 * where it is the sampler.
 * @throws {@link PerdureError} `InvalidInput` with line and column
 */
export async function checkStart(study: LoadedStudy, settings: Settings): Promise<FoundPrograms> {
  const { place, directory } = study;
  const spec = placedSpec(study, settings);
  checkSites(spec, settings, place);
  const local = spec.sites.some((site) => settings.sites[site]?.scheduler === 'local');
  const found = await checkPrograms(spec, { local, directory, place });
  await checkAgent(spec, process.env, settings.sites, place);
  await checkOptuna(spec, place(['sampler']));
  return found;
}

/** Where a study does not say where it runs, the settings do. */
export function placedSpec({ spec, namesSites }: LoadedStudy, { defaultSites }: Settings): StudySpec {
  return namesSites ? spec : { ...spec, sites: defaultSites };
}

function attach(study: LoadedStudy, before: LedgerStudy | null): void {
  const { name } = study.spec;
  if (before?.perdure == null) {
    throw new PerdureError('Conflict', `a study '${name}' runs already, with another ledger than this one`, {
      hint: 'give the study another name, or use the `storage:` that it was started with; where that is lost, end its workflow in Temporal UI',
    });
  }
  if (before.perdure.fileHash === study.fileHash) return;
  throw new PerdureError('Conflict', `study '${name}' runs already, from another file than this one`, {
    hint: `change the running one with \`perdure adjust\`, or give this one another name`,
  });
}

function refuseOtherObjectives({ name, objectives }: StudySpec, before: LedgerStudy): void {
  const wanted = objectives.map(({ direction }) => direction).join(', ');
  const present = before.directions.join(', ');
  if (wanted === present) return;
  throw new PerdureError(
    'Conflict',
    `study '${name}' exists with other directions: ${present}; the file says ${wanted}`,
    {
      hint: 'give the study another name',
    },
  );
}

/**
 * Refuses to continue a study that would end at once.
 * @throws {@link PerdureError} `Conflict`
 */
async function mustHaveBudget(
  { ledger }: Session,
  { file }: LoadedStudy,
  spec: StudySpec,
  ended: NonNullable<LedgerStudy['perdure']>,
): Promise<void> {
  const { name, objectives, budget } = spec;
  const own = new Set(await ledger.proposedNumbers(name));
  const trials = await ledger.readTrials(name, { reports: false });
  // Trials that an ended workflow has left RUNNING are continued in any case.
  if (trials.some(({ number, state }) => state === 'RUNNING' && own.has(number))) return;
  const tally = tallyAtStart(
    trials,
    own,
    objectives.map(({ direction }) => direction),
  );
  const study = new StudyStateMachine({
    ...{ spec, specVersion: 1, startedAt: 0, tally },
    ...{ running: [], proposed: 0, paused: false, ending: null },
  });
  study.room(0);
  const limit = study.ending?.limit;
  if (limit === undefined) return;
  const present = String(budget[limit]);
  const said = ended.fileSpec.budget[limit];
  const adjusted =
    said === budget[limit] ? '' : `; perdure adjust changed it from the file's ${String(said)}`;
  throw new PerdureError('Conflict', `study '${name}' has used up its budget: ${study.reason}`, {
    hint: `budget.${limit} is ${present}${adjusted}. To go on, write ${limit === 'target' ? 'another value' : `more than ${present}`} in ${file}\nits results: perdure trials ${quoted(name)}`,
  });
}

/** The specification with which a study starts or continues. */
async function nextSpec(session: Session, spec: StudySpec, before: LedgerStudy | null): Promise<StudySpec> {
  if (before === null) return spec;
  const { perdure } = before;
  const kept = perdure === null ? spec : withAdjustments(perdure.spec, perdure.fileSpec, spec);
  if (perdure !== null && isDeepStrictEqual(perdure.spec, kept)) return kept;
  return continuedSpec(kept, await knownDistributions(session, before));
}

/** Brings the study and its specification into the ledger. @param spec as {@link nextSpec} returns it */
async function store(
  { ledger }: Session,
  { spec: fileSpec, fileHash }: LoadedStudy,
  spec: StudySpec,
  before: LedgerStudy | null,
): Promise<LedgerStudy> {
  if (before?.perdure == null)
    return ledger.createStudy({ uuid: randomUUID(), seed: randomInt(2 ** 31), fileHash, spec, fileSpec });
  const { perdure } = before;
  if (perdure.fileHash === fileHash && isDeepStrictEqual(perdure.spec, spec)) return before;
  await ledger.saveSpec(spec.name, perdure.specVersion + 1, spec, { hash: fileHash, spec: fileSpec });
  const after = await ledger.findStudy(spec.name);
  if (after === null) throw new PerdureError('NotFound', `study '${spec.name}' was deleted meanwhile`);
  return after;
}

/** Of each parameter in the study's rows, and in its specification: with the longest list of choices. */
async function knownDistributions(
  session: Session,
  before: LedgerStudy,
): Promise<Readonly<Record<string, Distribution>>> {
  const known: Record<string, Distribution> = {};
  for (const [name, { distribution }] of Object.entries(before.perdure?.spec.space ?? {}))
    known[name] = distribution;
  for (const trial of await session.ledger.readTrials(before.name, { attrs: false })) {
    for (const [name, distribution] of Object.entries(trial.distributions))
      if (!Object.hasOwn(known, name)) known[name] = distribution;
  }
  return known;
}

async function begin(
  session: Session,
  handle: StudyHandle,
  { name, perdure }: LedgerStudy,
  options: TestOptions,
): Promise<void> {
  if (perdure === null) throw new PerdureError('Corrupt', `study '${name}' was not kept`);
  const { uuid, spec, specVersion } = perdure;
  const client = await session.client();
  const ledger = ledgerIdentity(session.ledger.url);
  const input: StudyInput = { uuid, name, ledger, spec, specVersion, ...options };
  try {
    await client.workflow.start('study', {
      taskQueue: STUDY_QUEUE,
      workflowId: handle.workflowId,
      args: [input],
      workflowTaskTimeout: session.settings.times.workflowTaskTimeout,
      workflowIdConflictPolicy: 'FAIL',
      workflowIdReusePolicy: 'ALLOW_DUPLICATE',
      staticSummary: `study ${name}`.slice(0, 180),
      typedSearchAttributes: [
        { key: searchAttributes.study, value: studyKeyword(name) },
        { key: searchAttributes.site, value: spec.sites[0] ?? '' },
        { key: searchAttributes.state, value: 'running' },
      ],
    });
  } catch (error) {
    // Somebody else started it in this moment, from the same rows.
    if (error instanceof WorkflowExecutionAlreadyStartedError) return;
    const attributes =
      /search attribute/i.test(messageOf(error)) ||
      /search attribute/i.test(messageOf((error as Error).cause));
    throw new PerdureError(
      'Unavailable',
      `the study's workflow could not be started: ${messageOf((error as Error).cause ?? error)}`,
      {
        hint: attributes ? 'perdure doctor registers the search attributes' : undefined,
        cause: error,
      },
    );
  }
}
