import { randomInt, randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import { checkAgent, checkLocalPrograms, checkSites, type LoadedStudy } from '../config';
import type { Settings } from '../config/settings';
import type { LedgerStudy } from '../storage/ledger';
import { continuedSpec, reopenedBudget } from '../study/continued-spec';
import { messageOf, PerdureError } from '../study/error';
import { searchAttributes, studyKeyword } from '../study/search-attributes';
import type { Distribution } from '../study/space';
import type { StudySpec } from '../study/spec';
import { isFinal } from '../study/trial';
import { STUDY_QUEUE } from '../study/task-queues';
import type { StudyInput } from '../workflows/study-input';
import { checkEndpoints } from './check-endpoints';
import { checkOptuna } from './check-optuna';
import { mustNotRunElsewhere, noteServer } from './other-server';
import type { Session } from './session';
import { StudyHandle } from './study-handle';

/** What {@link openStudy} found and did; `used-up`: as many trials as its budget has are done already. */
export type Opening = 'started' | 'continued' | 'used-up' | 'attached';

/**
 * Starts a study, continues one that has ended (to a larger budget, or after its workflow was ended by hand), continues one
 * that Optuna began, or attaches to one that runs. Whatever is killed on the way: the same call again goes on.
 * @throws {@link PerdureError} `InvalidInput` for a site or program that is not there, or a `user_endpoint_config` that an
 * endpoint does not take; `Conflict` for a study of that name
 * that runs from another file or on another server, or has other objectives
 * @param options for tests
 */
export async function openStudy(
  session: Session,
  study: LoadedStudy,
  options: Pick<StudyInput, 'continueAfterEvents'> = {},
): Promise<{ readonly handle: StudyHandle; readonly opening: Opening }> {
  const { ledger, settings } = session;
  const { name } = study.spec;
  await checkStart(study, settings);
  const spec = placedSpec(study, settings);
  const handle = new StudyHandle(session, name);
  await session.client();
  const running = (await handle.describe())?.status.name === 'RUNNING';
  // Of a study that has ended, all is in the ledger by now.
  const before = await ledger.findStudy(name);
  if (before !== null) refuseOtherObjectives(study.spec, before);
  if (running) {
    attach(study, before);
    return { handle, opening: 'attached' };
  }
  if (before !== null) await mustNotRunElsewhere(session, before, handle.workflowId);
  await checkEndpoints(settings, spec.sites);
  for (const [sha256, bytes] of study.files) await ledger.putFile(sha256, bytes);
  const stored = await store(session, { ...study, spec }, before);
  // Before it goes on, and is done in no time.
  const usedUp = before !== null && (await isUsedUp(session, stored));
  await noteServer(session, name);
  await begin(session, handle, stored, options);
  if (before === null) return { handle, opening: 'started' };
  return { handle, opening: usedUp ? 'used-up' : 'continued' };
}

/**
 * What has to be there before anything is started: the sites, the programs that a trial runs on this machine, and Optuna
 * where it is the sampler.
 * @throws {@link PerdureError} `InvalidInput` with line and column
 */
export async function checkStart(study: LoadedStudy, settings: Settings): Promise<void> {
  const { place } = study;
  const spec = placedSpec(study, settings);
  checkSites(spec, settings, place);
  const local = spec.sites.some((site) => settings.sites[site]?.scheduler === 'local');
  if (local) await checkLocalPrograms(spec, place);
  await checkAgent(spec, process.env, settings.sites, place);
  await checkOptuna(spec, place(['sampler']));
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

async function isUsedUp({ ledger }: Session, { name, perdure }: LedgerStudy): Promise<boolean> {
  const trials = perdure?.spec.budget.trials ?? null;
  const numbers = await ledger.proposedNumbers(name);
  if (trials === null || numbers.length < trials) return false;
  const own = await ledger.readTrials(name, { numbers, attrs: false, reports: false });
  return own.filter(({ state }) => isFinal(state)).length >= trials;
}

/** Brings the study and its specification into the ledger. */
async function store(session: Session, study: LoadedStudy, before: LedgerStudy | null): Promise<LedgerStudy> {
  const { ledger } = session;
  const { fileHash } = study;
  const spec =
    before === null ? study.spec : continuedSpec(study.spec, await knownDistributions(session, before));
  if (before?.perdure == null) {
    return ledger.createStudy({ uuid: randomUUID(), seed: randomInt(2 ** 31), fileHash, spec });
  }
  const { specVersion } = before.perdure;
  const same = before.perdure.fileHash === fileHash;
  const changed = same ? sameFile(before.perdure.spec, study, before.attrs['perdure:state']) : spec;
  if (same && isDeepStrictEqual(before.perdure.spec, changed)) return before;
  await ledger.saveSpec(spec.name, specVersion + 1, changed, fileHash);
  const after = await ledger.findStudy(spec.name);
  if (after === null) throw new PerdureError('NotFound', `study '${spec.name}' was deleted meanwhile`);
  return after;
}

/**
 * What was adjusted stays, as long as the file does; but the settings may prefer other sites by now, and what an adjusted budget
 * has ended goes on with the file's.
 */
function sameFile(adjusted: StudySpec, { spec, namesSites }: LoadedStudy, state: unknown): StudySpec {
  return {
    ...adjusted,
    ...(namesSites ? {} : { sites: spec.sites }),
    ...(state === 'complete' ? { budget: reopenedBudget(adjusted.budget, spec.budget) } : {}),
  };
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
  options: Pick<StudyInput, 'continueAfterEvents'>,
): Promise<void> {
  if (perdure === null) throw new PerdureError('Corrupt', `study '${name}' was not kept`);
  const { uuid, spec, specVersion } = perdure;
  const client = await session.client();
  const input: StudyInput = { uuid, name, spec, specVersion, ...options };
  try {
    await client.workflow.start('study', {
      taskQueue: STUDY_QUEUE,
      workflowId: handle.workflowId,
      args: [input],
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
