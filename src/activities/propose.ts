import type { Slot } from '../agent/turns';
import type { Ledger, Proposal } from '../storage/ledger';
import { PerdureError } from '../study/error';
import { objectOf, type Json } from '../study/json';
import type { ParamValue, Params, SearchSpace } from '../study/space';
import { checkParams } from '../study/space-membership';
import type { Trial } from '../study/trial';
import type { ProposalRequest, Proposals, StudyRef } from '../workflows/activity-types';
import { Origins, originsOf } from './origins';
import type { StudyContext, StudyContexts } from './study-context';
import { summaryOf } from './trial-summary';

interface Dependencies {
  readonly ledger: Ledger;
  readonly contexts: StudyContexts;
  readonly failpoint: (name: string) => void;
}

/** How often a batch is made anew because somebody else took a waiting trial from it. */
const tries = 5;

/**
 * One trial for each key. Sampled in order, each knowing the ones before it, and written in one transaction; a key that
 * was written before gives the trial that it gave then.
 */
export async function propose(
  deps: Dependencies,
  study: StudyRef,
  specVersion: number,
  request: ProposalRequest,
): Promise<Proposals> {
  const { keys, slots = [] } = request;
  const { ledger, contexts, failpoint } = deps;
  failpoint('before-propose');
  const context = await contexts.get(study, specVersion);
  const known = new Map((await ledger.findProposals(study.name, keys)).map((row) => [row.key, row]));
  const missing = keys.filter((key) => !known.has(key));
  for (let attempt = 1; ; attempt++) {
    const { proposals, dropped, exhausted, unstarted } = await sample(
      ledger,
      study,
      context,
      missing.map((key) => ({ key, slot: slots[keys.indexOf(key)] ?? { by: 'backbone' } })),
      // An earlier try of this activity may have written some of the trials.
      { ...request, budgetLeft: (request.budgetLeft ?? Infinity) - known.size },
    );
    try {
      const added = new Map(
        (await ledger.commitProposals(study.name, proposals)).map((row) => [row.key, row]),
      );
      failpoint('after-propose');
      const written = keys.flatMap((key) => known.get(key) ?? added.get(key) ?? []);
      const end = { exhausted, ...(unstarted === 0 ? {} : { unstarted }) };
      if (context.spec.sampler.type === 'agent')
        return { trials: await originsOf(ledger, study, written), dropped, ...end };
      return {
        trials: written.map(({ number, params }) => ({ number, summary: summaryOf(params) })),
        ...end,
      };
    } catch (error) {
      const taken = error instanceof PerdureError && error.kind === 'Conflict';
      if (!taken || attempt === tries) throw error;
    }
  }
}

interface Asked {
  readonly key: string;
  readonly slot: Slot;
}

interface Sampled {
  readonly proposals: readonly Proposal[];
  readonly dropped: readonly string[];
  /** The sampler has no more proposals. */
  readonly exhausted: boolean;
  /** Trials that ended before they were started. */
  readonly unstarted: number;
}

async function sample(
  ledger: Ledger,
  study: StudyRef,
  { spec, history, sampler }: StudyContext,
  keys: readonly Asked[],
  counted: { readonly budgetLeft: number; readonly unstarted: number },
): Promise<Sampled> {
  if (keys.length === 0)
    return { proposals: [], dropped: [], exhausted: false, unstarted: history.unstarted };
  await history.refresh();
  const directions = spec.objectives.map(({ direction }) => direction);
  const { found: waiting, rejected } = await readWaiting(ledger, study, spec.space, history.waiting);
  const unstarted = history.unstarted + rejected;
  // The study's workflow has not counted all of these yet.
  const asked = keys.slice(0, Math.max(0, counted.budgetLeft - (unstarted - counted.unstarted)));
  const origins = new Origins(spec, history);
  const batch: Trial[] = [];
  const proposals: Proposal[] = [];
  let next = history.nextNumber;
  for (const { key, slot } of asked) {
    const taken = waiting.shift();
    const number = taken?.number ?? next++;
    const origin = taken === undefined ? origins.of(slot, number, batch) : undefined;
    let chosen: Readonly<Record<string, Json>> | undefined;
    const ask = (running: readonly Trial[]): Promise<Params | null> =>
      sampler(origin?.agent).propose({
        number,
        space: spec.space,
        directions,
        fixed: taken?.fixed ?? {},
        history: { finished: history.finished, running: [...running, ...batch] },
        onChoice: (attrs) => {
          chosen = attrs;
        },
      });
    let params = origin?.params ?? (await ask(history.running));
    if (params === null) {
      // What Optuna left RUNNING may never end.
      const own = await ownOf(ledger, study, history.running);
      if (own.length < history.running.length) params = await ask(own);
    }
    if (params === null) return { proposals, dropped: origins.dropped, exhausted: true, unstarted };
    const distributions = distributionsOf(spec.space, params);
    proposals.push({
      key,
      params,
      distributions,
      ...(taken === undefined ? {} : { waiting: taken.number }),
      // An enqueued trial already has attributes that say where it comes from.
      ...(taken === undefined && (chosen ?? origin) !== undefined
        ? { userAttrs: { ...chosen, ...origin?.userAttrs } }
        : {}),
    });
    batch.push(asRunning(number, params, distributions));
  }
  return { proposals, dropped: origins.dropped, exhausted: false, unstarted };
}

/** Those that this study has proposed. */
async function ownOf(ledger: Ledger, study: StudyRef, running: readonly Trial[]): Promise<readonly Trial[]> {
  if (running.length === 0) return running;
  const own = new Set(await ledger.proposedNumbers(study.name));
  return running.filter(({ number }) => own.has(number));
}

interface Waiting {
  readonly number: number;
  readonly fixed: Params;
}

/**
 * Reads the enqueued trials. A trial whose parameters are outside the current space is ended as FAIL, with the reason.
 * @returns `rejected`: how many trials were ended
 */
async function readWaiting(
  ledger: Ledger,
  study: StudyRef,
  space: SearchSpace,
  numbers: readonly number[],
): Promise<{ readonly found: Waiting[]; readonly rejected: number }> {
  if (numbers.length === 0) return { found: [], rejected: 0 };
  const found: Waiting[] = [];
  let rejected = 0;
  for (const trial of await ledger.readTrials(study.name, { numbers })) {
    if (trial.state !== 'WAITING') continue;
    const fixed = fixedParams(trial);
    const problems = checkParams(space, fixed, { partial: true });
    if (problems.length === 0) {
      found.push({ number: trial.number, fixed });
      continue;
    }
    const error = problems.map(({ message }) => message).join('; ');
    const first = await ledger.finishTrial(study.name, trial.number, {
      state: 'FAIL',
      values: null,
      userAttrs: { fail_reason: 'rejected', error },
    });
    if (first) rejected += 1;
  }
  return { found, rejected };
}

/**
 * Optuna keeps what `enqueue_trial` was given in a system attribute. A trial that waits to be run again, as of its
 * `RetryFailedTrialCallback`, has its parameters already, and they come first.
 */
export function fixedParams(trial: Trial): Params {
  const fixed = { ...objectOf(trial.systemAttrs['fixed_params']), ...trial.params };
  return Object.fromEntries(
    Object.entries(fixed).filter(
      (entry): entry is [string, ParamValue] => entry[1] === null || typeof entry[1] !== 'object',
    ),
  );
}

function distributionsOf(space: SearchSpace, params: Params): Proposal['distributions'] {
  return Object.fromEntries(
    Object.keys(params).flatMap((name) => {
      const parameter = space[name];
      return parameter === undefined ? [] : [[name, parameter.distribution]];
    }),
  );
}

function asRunning(number: number, params: Params, distributions: Proposal['distributions']): Trial {
  return {
    number,
    state: 'RUNNING',
    values: null,
    params,
    distributions,
    intermediateValues: new Map(),
    userAttrs: {},
    systemAttrs: {},
    datetimeStart: null,
    datetimeComplete: null,
  };
}
