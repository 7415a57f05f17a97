import { Context } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/common';
import { awaitingAttr, awaitingJson, awaitingOf } from '../agent/awaiting';
import type { AgentState } from '../agent/turns';
import type { Ledger } from '../storage/ledger';
import { PerdureError } from '../study/error';
import type { TrialOutcome } from '../study/progress';
import { checkParams } from '../study/space-membership';
import type { StudySpec } from '../study/spec';
import { isFinal, type Trial } from '../study/trial';
import type { AttemptPlace, StudyActivities, StudyRef } from '../workflows/activity-types';
import { waiting } from './attempt-activities';
import { activity, giveUpOnFaults, pending } from './boundary';
import { cancelledOutcome, outcomeOf, startedBy, tallyAtStart } from '../study/outcome';
import { fixedParams, propose } from './propose';
import { agentStateOf } from './agent-state';
import { chooseSiteFor, firstThatTakes, noteSites } from './choose-site';
import { cacheKey, endFromCache } from './result-cache';
import type { SiteFlags } from './site-flags';
import type { SiteWatch } from './site-watch';
import type { StudyContexts } from './study-context';
import { summaryOf } from './trial-summary';

export interface StudyDependencies {
  readonly ledger: Ledger;
  readonly contexts: StudyContexts;
  readonly failpoint: (name: string) => void;
  readonly watch: SiteWatch;
  readonly flags: SiteFlags;
  /** How often the workflow of an adopted trial is checked (milliseconds). */
  readonly watchInterval: number;
  /** Aborts when the worker is about to end. */
  readonly stopping: AbortSignal;
}

/** The activities of the study's own task queue. */
export function createStudyActivities(deps: StudyDependencies): StudyActivities {
  const { ledger, contexts, watchInterval } = deps;

  async function read(study: StudyRef, number: number): Promise<Trial> {
    const which = { uuid: study.uuid, numbers: [number] };
    const [trial] = await contexts.withStudyCheck(study, () => ledger.readTrials(study.name, which));
    if (trial !== undefined) return trial;
    await contexts.confirm(study);
    throw new PerdureError('NotFound', `study '${study.name}' has no trial ${String(number)}`);
  }

  async function lastPlace(study: StudyRef, number: number): Promise<AttemptPlace | null> {
    await contexts.confirm(study);
    const jobs = await ledger.listJobs(study.name, number);
    const last = jobs.reduce<(typeof jobs)[number] | null>(
      (a, b) => (a === null || b.attempt > a.attempt ? b : a),
      null,
    );
    if (last === null) return null;
    const submission = await ledger.findSubmission(study.name, number, last.attempt);
    return submission?.state === 'withdrawn' ? null : last;
  }

  async function recorded(study: StudyRef, number: number): Promise<TrialOutcome> {
    const outcome = outcomeOf(await read(study, number));
    if (outcome !== null) return outcome;
    throw new PerdureError(
      'Corrupt',
      `trial ${String(number)} of study '${study.name}' did not keep its end`,
    );
  }

  return {
    openStudy: activity(async (study) => {
      await contexts.confirm(study);
      const { spec } = await contexts.get(study);
      const own = new Set(await ledger.proposedNumbers(study.name));
      const all = await ledger.readTrials(study.name, {});
      const trials = all.filter((trial) => own.has(trial.number));
      const directions = spec.objectives.map(({ direction }) => direction);
      const agent = await agentsOf(ledger, study, spec, trials);
      return {
        ...(agent === null ? {} : { agent }),
        tally: tallyAtStart(all, own, directions),
        proposed: own.size,
        running: trials
          .filter((trial) => trial.state === 'RUNNING')
          .map(({ number, params }) => ({ number, summary: summaryOf(params) })),
      };
    }),

    propose: activity(
      giveUpOnFaults((study, specVersion, request) =>
        contexts.withStudyCheck(study, () => propose(deps, study, specVersion, request)),
      ),
    ),

    saveSpec: activity(async (study, version, spec) => {
      await contexts.confirm(study);
      await ledger.saveSpec(study.name, version, spec);
    }),

    noteState: activity(async (study, state, reason) => {
      await contexts.confirm(study);
      await ledger.setStudyAttrs(study.name, { 'perdure:state': state, 'perdure:reason': reason });
    }),

    enqueueTrial: activity(async (study, key, params, userAttrs, room) => {
      await contexts.confirm(study);
      return ledger.enqueue(study.name, key, params, userAttrs, room);
    }),

    retryTrial: activity(async (study, key, number, room) => {
      const trial = await read(study, number);
      if (!isFinal(trial.state)) {
        throw new PerdureError('Conflict', `trial ${String(number)} is still ${trial.state.toLowerCase()}`);
      }
      // One that never ran has only what was asked for.
      const params = Object.keys(trial.params).length > 0 ? trial.params : fixedParams(trial);
      const { spec } = await contexts.confirm(study);
      const [problem] = checkParams(spec.space, params, { partial: true });
      if (problem !== undefined) {
        throw new PerdureError(
          'Conflict',
          `trial ${String(number)} can't be tried again: ${problem.message}`,
          {
            hint: `the space has changed since; widen it first: perdure adjust STUDY --set …`,
          },
        );
      }
      return ledger.enqueue(study.name, key, params, { retry_of: number }, room);
    }),

    cancelWaiting: activity(async (study, number) => {
      const trial = await read(study, number);
      const { state } = trial;
      if (state !== 'WAITING') {
        const own = new Set(await ledger.proposedNumbers(study.name));
        const by = startedBy(trial, own) === 'optuna' ? 'was started by Optuna' : 'is being started';
        const why = isFinal(state) ? 'has ended' : by;
        throw new PerdureError('Conflict', `trial ${String(number)} ${why} (${state})`);
      }
      await ledger.finishTrial(study.name, number, {
        state: 'FAIL',
        values: null,
        userAttrs: { fail_reason: 'cancelled' },
      });
    }),

    recordedOutcome: activity((study, number) =>
      unlessStudyIsGone(async () => outcomeOf(await read(study, number)), null),
    ),

    watchTrials: activity(async (trials) => {
      const { client } = Context.current();
      const closed = [];
      for (const { number, workflowId } of trials)
        if (await isClosed(client, workflowId)) closed.push(number);
      if (closed.length > 0) return closed;
      throw pending('all of them are open', watchInterval);
    }),

    failTrial: activity((study, number, { reason, message }) =>
      unlessStudyIsGone(async () => {
        // `read` refuses a trial of another study that has this name now.
        const ended = outcomeOf(await read(study, number));
        if (ended !== null) return ended;
        const userAttrs = { fail_reason: reason, error: message };
        await ledger.finishTrial(study.name, number, { state: 'FAIL', values: null, userAttrs });
        return recorded(study, number);
      }, cancelledOutcome(number)),
    ),

    fromCache: activity(async (study, number) => {
      const { spec } = await contexts.get(study);
      const trial = await read(study, number);
      const ended = outcomeOf(trial);
      if (ended !== null) return { outcome: ended };
      const key = cacheKey(spec, trial.params);
      if (await endFromCache(ledger, study.name, trial, key))
        return { outcome: await recorded(study, number) };
      return { outcome: null, ...(spec.cache === true ? { key } : {}) };
    }),

    chooseSite: activity((query) => chooseSiteFor(deps, query, waiting(deps))),

    firstSite: activity(async (study, sites, policy) => {
      const { site } = await firstThatTakes(deps, study, sites, policy, waiting(deps));
      return site;
    }),

    noteSites: activity(async (study, number, changes) => {
      await contexts.confirm(study);
      await noteSites(ledger, study.name, number, changes);
    }),

    lastPlace: activity((study, number) => unlessStudyIsGone(() => lastPlace(study, number), null)),
  };
}

/** Returns the result of the work, or `otherwise` if the study is gone and nothing can be read or recorded. */
async function unlessStudyIsGone<T>(work: () => Promise<T>, otherwise: T): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof PerdureError && error.kind === 'Gone') return otherwise;
    throw error;
  }
}

/** The account of the study's agents; what waits for a person is shown again. */
async function agentsOf(
  ledger: Ledger,
  study: StudyRef,
  { sampler }: StudySpec,
  trials: readonly Trial[],
): Promise<AgentState | null> {
  if (sampler.type !== 'agent') return null;
  const told = (await ledger.findStudy(study.name))?.attrs[awaitingAttr];
  const state = agentStateOf(trials, await ledger.listRounds(study.name), sampler, awaitingOf(told));
  if (state !== null && (told !== undefined || state.pending.length > 0))
    await ledger.setStudyAttrs(study.name, { [awaitingAttr]: awaitingJson(state.pending) });
  return state;
}

async function isClosed(client: Client, workflowId: string): Promise<boolean> {
  try {
    const { status } = await client.workflow.getHandle(workflowId).describe();
    return status.name !== 'RUNNING';
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return true;
    throw error;
  }
}
