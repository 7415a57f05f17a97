import { join } from 'node:path';
import { PerdureError } from '../study/error';
import { constraintsOf } from '../study/feasibility';
import { isObject, type Json, type JsonObject } from '../study/json';
import type { Params, ParamValue, SearchSpace } from '../study/space';
import { isActive, parameterOf, parametersInOrder } from '../study/space-activity';
import { contains } from '../study/space-membership';
import type { SamplerSpec } from '../study/spec';
import type { Trial } from '../study/trial';
import { withParents } from './given';
import { LineProcess } from './line-process';
import { RandomStream } from './random-stream';
import type { ProposalRequest, Sampler } from './sampler';

type OptunaSpec = Extract<SamplerSpec, { type: 'optuna' }>;

/** The package's own directory is two above, in `src` as well as in `dist`. */
const script = join(__dirname, '..', '..', 'trial', 'optuna_bridge.py');

/** How long one proposal may take (milliseconds); less than the 5 minutes that the `propose` activity may take. */
const proposalTimeoutMs = 240_000;

/**
 * Any sampler of Optuna, in a Python process that is started with the first proposal. The process keeps a study in memory
 * that is fed with what is new in the history; trials that the current space has no room for are hidden from it, running
 * ones are there as RUNNING. It is asked one trial at a time and for each with a seed made from ours and the trial's number.
 *
 * Where the guarantee of equal proposals ends: samplers that keep notes in the trials they proposed (CMA-ES, NSGA-II and
 * III, QMC) are led through the finished trials in the order of their numbers when a process starts, so what they propose
 * next may differ from what the earlier process would have proposed.
 */
export class OptunaSampler implements Sampler {
  private readonly python: LineProcess;
  private turn: Promise<unknown> = Promise.resolve();
  private closed = false;
  /** What the process has been told; nothing where it has just been started. */
  private told:
    | { readonly process: number; readonly study: string; readonly history: readonly Trial[]; count: number }
    | undefined;

  constructor(
    private readonly spec: OptunaSpec,
    private readonly seed: number,
    private readonly timeoutMs = proposalTimeoutMs,
  ) {
    this.python = new LineProcess(spec.python, ['-u', script]);
  }

  /**
   * @throws {@link PerdureError} `InvalidInput` where Python, Optuna, the sampler or what it needs is missing, its options
   * are wrong or it can't do what is asked; `Unavailable` where the process died twice or did not answer in time, or the sampler
   * was closed
   */
  propose(request: ProposalRequest): Promise<Params | null> {
    const mine = this.turn.then(() => this.ask(request));
    this.turn = mine.catch(() => undefined);
    return mine;
  }

  async close(): Promise<void> {
    this.closed = true;
    await this.python.close();
    this.told = undefined;
  }

  private async ask(request: ProposalRequest): Promise<Params | null> {
    const given = withParents(request.space, request.fixed, new RandomStream(this.seed, request.number));
    const deadline = performance.now() + this.timeoutMs;
    for (let attempt = 1; ; attempt++) {
      if (this.closed) throw new PerdureError('Unavailable', 'the sampler was closed', { where: 'sampler' });
      const process = this.python.start();
      try {
        const answer = await this.python.request(
          JSON.stringify(this.message(request, given, process)),
          deadline - performance.now(),
        );
        return this.read(JSON.parse(answer) as JsonObject, request, given);
      } catch (error) {
        // What it had been told of this request is not certain; the next one tells everything.
        this.told = undefined;
        const died = error instanceof PerdureError && error.kind === 'Unavailable';
        // A timer may fire up to a millisecond early.
        if (!died || attempt === 2 || performance.now() >= deadline - 1) throw error;
      }
    }
  }

  private message(
    { number, space, directions, history }: ProposalRequest,
    given: Params,
    process: number,
  ): JsonObject {
    const { sampler, options } = this.spec;
    const study: JsonObject = {
      sampler,
      options,
      seed: this.seed,
      directions,
      parameters: parametersOf(space),
    };
    const key = JSON.stringify(study);
    const { finished } = history;
    const isKnown =
      this.told?.process === process &&
      this.told.study === key &&
      this.told.history === finished &&
      this.told.count <= finished.length;
    const from = isKnown ? (this.told?.count ?? 0) : 0;
    this.told = { process, study: key, history: finished, count: finished.length };
    return {
      ...(isKnown ? {} : { study }),
      number,
      fixed: given,
      finished: finished.slice(from).map(asJson),
      running: history.running.filter((trial) => trial.number !== number).map(asJson),
    };
  }

  private read(answer: JsonObject, { space }: ProposalRequest, given: Params): Params | null {
    const error = answer['error'];
    if (isObject(error)) throw this.refusal(error);
    if (answer['params'] === null) return null;
    const proposed = isObject(answer['params']) ? answer['params'] : {};
    const params: Record<string, ParamValue> = {};
    for (const name of parametersInOrder(space)) {
      const parameter = parameterOf(space, name);
      if (parameter === undefined || !isActive(space, name, params)) continue;
      const value = Object.hasOwn(given, name) ? given[name] : proposed[name];
      if (!isParamValue(value) || (!Object.hasOwn(given, name) && !contains(parameter, value))) {
        const text = `${this.spec.sampler} proposed ${JSON.stringify(value)} for '${name}', which is outside its distribution`;
        throw new PerdureError('InvalidInput', text, { where: 'sampler' });
      }
      params[name] = value;
    }
    return params;
  }

  private refusal(error: JsonObject): PerdureError {
    const { python } = this.spec;
    const message = typeof error['message'] === 'string' ? error['message'] : 'the sampler gave no answer';
    const module = typeof error['module'] === 'string' ? error['module'] : 'optuna';
    switch (error['kind']) {
      case 'no_optuna':
      case 'missing_module': {
        const needed = `${this.spec.sampler} needs the Python module '${module}', which is not installed`;
        const text = error['kind'] === 'no_optuna' ? `${python} has no Optuna (${message})` : needed;
        const hint = `${python} -m pip install ${module.split('.')[0] ?? module}`;
        return new PerdureError('InvalidInput', text, { where: 'sampler', hint });
      }
      case 'unknown_sampler':
        return new PerdureError('InvalidInput', message, { where: 'sampler.sampler', hint: nameHint(error) });
      case 'bad_options':
        return new PerdureError('InvalidInput', message, {
          where: 'sampler.options',
          hint: 'options are the keyword arguments of the sampler’s class in Optuna',
        });
      default:
        return new PerdureError('InvalidInput', `${this.spec.sampler}: ${message}`, { where: 'sampler' });
    }
  }
}

function nameHint(error: JsonObject): string {
  const [near] = Array.isArray(error['near']) ? (error['near'] as readonly Json[]) : [];
  if (typeof near === 'string') return `did you mean '${near}'?`;
  const known = Array.isArray(error['known']) ? (error['known'] as readonly Json[]) : [];
  return known.length > 0
    ? `one of: ${known.map(String).join(', ')}`
    : 'write `module:Class` for a class elsewhere';
}

function parametersOf(space: SearchSpace): Json {
  return parametersInOrder(space).flatMap((name) => {
    const parameter = parameterOf(space, name);
    if (parameter === undefined) return [];
    const { distribution, when, allowed } = parameter;
    return [{ name, distribution: { ...distribution }, ...(when && { when }), ...(allowed && { allowed }) }];
  });
}

function asJson(trial: Trial): Json {
  const { number, state, params, values, intermediateValues } = trial;
  const constraints = Object.entries(constraintsOf(trial)).map(([name, value]) => [
    name,
    numberAsJson(value),
  ]);
  return {
    ...(constraints.length === 0 ? {} : { constraints: Object.fromEntries(constraints) as Json }),
    number,
    state,
    params,
    values: values?.map(numberAsJson) ?? null,
    intermediate_values: [...intermediateValues].map(([step, value]) => [step, numberAsJson(value)]),
  };
}

/** Python's `float` reads these words. */
function numberAsJson(value: number): Json {
  return Number.isFinite(value) ? value : String(value);
}

function isParamValue(value: Json | undefined): value is ParamValue {
  return value === null || (value !== undefined && typeof value !== 'object');
}
