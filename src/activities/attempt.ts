import { studyKey } from '../schedulers/job-key';
import type { JobKey, JobRequest, Scheduler } from '../schedulers/scheduler';
import type { Ledger } from '../storage/ledger';
import { PerdureError } from '../study/error';
import { isFinal, type Trial } from '../study/trial';
import type { AttemptRef } from '../workflows/activity-types';
import type { StudyContext, StudyContexts } from './study-context';

/** One attempt with all that its activities need at hand. */
export interface Attempt {
  readonly ref: AttemptRef;
  readonly key: JobKey;
  readonly trial: Trial;
  readonly context: StudyContext;
  readonly scheduler: Scheduler;
}

/** What the activities of a site are made with. */
export interface SiteDependencies {
  readonly ledger: Ledger;
  readonly contexts: StudyContexts;
  readonly schedulers: ReadonlyMap<string, Scheduler>;
  /** Name of this host, for sites whose jobs are bound to it; `null` for those that any worker can reach. */
  readonly hostOf: (site: string) => string | null;
  /** Aborts when the worker is about to end: waiting stops, jobs go on. */
  readonly stopping: AbortSignal;
  readonly failpoint: (name: string) => void;
}

export async function loadAttempt(deps: SiteDependencies, ref: AttemptRef): Promise<Attempt> {
  const context = await deps.contexts.get(ref.study);
  const trial = await readTrial(deps.ledger, ref);
  if (trial === undefined) {
    throw new PerdureError('NotFound', `study '${ref.study.name}' has no trial ${String(ref.number)}`);
  }
  const scheduler = schedulerOf(deps, ref.site);
  const key = { studyKey: studyKey(ref.study.uuid), number: ref.number, attempt: ref.attempt };
  return { ref, key, trial, context, scheduler };
}

export function schedulerOf({ schedulers }: Pick<SiteDependencies, 'schedulers'>, site: string): Scheduler {
  const scheduler = schedulers.get(site);
  if (scheduler !== undefined) return scheduler;
  throw new PerdureError('Unavailable', `this worker's settings have no site '${site}'`, {
    hint: 'add it to perdure.yaml and start the worker again',
  });
}

/** With its attributes only where they tell how it ended; this is read twice for each trial. */
async function readTrial(ledger: Ledger, { study, number }: AttemptRef): Promise<Trial | undefined> {
  const [trial] = await ledger.readTrials(study.name, { numbers: [number], attrs: false, reports: false });
  if (trial === undefined || !isFinal(trial.state)) return trial;
  return (await ledger.readTrials(study.name, { numbers: [number] }))[0];
}

export function jobRequest(ledger: Ledger, { key, trial, context }: Attempt): JobRequest {
  return {
    key,
    trial: context.spec.trial,
    ...(context.spec.prepare === undefined ? {} : { preparation: context.spec.prepare }),
    params: trial.params,
    metrics: context.spec.objectives.map(({ metric }) => metric),
    readFile: (sha256) => ledger.getFile(sha256),
  };
}
