import { gridSize } from './grid-size';
import { suggestion } from './nearest';
import type { Problem } from './problem';
import type { ParamValue, SearchSpace } from './space';
import { parameterOf } from './space-activity';
import { contains, describe } from './space-membership';
import { checkSpace } from './space-rules';
import type { AgentSamplerSpec, Budget, MethodSpec, SamplerSpec, StudySpec } from './spec';

/** Trials at once, at most: as many children as one study workflow can have in flight within Temporal's limits. */
export const maxParallel = 1000;

/** A timer of Temporal's has to end some day. */
const maxHours = 87_600;

/** Dimensions that Sobol sequences have here. */
export const maxQmcParameters = 128;

/** A grid is enumerated in memory. */
const maxCombinations = 1_000_000;

/**
 * What is wrong with a study, as far as its parts have to fit each other. Paths are those of the study file. Enqueued
 * trials are not looked at: the space may have changed since.
 */
export function checkSpec(spec: StudySpec): readonly Problem[] {
  const space = checkSpace(spec.space);
  return [
    ...space,
    // What leans on the space is only sensible once the space is.
    ...(space.length > 0 ? [] : [...checkSampler(spec.sampler, spec.space), ...placeholders(spec)]),
    ...checkPruner(spec),
    ...checkBudget(spec),
  ];
}

/** What is wrong with the names of a study's sites, as far as they can be judged without settings. */
export function checkSiteNames(sites: readonly string[]): readonly Problem[] {
  if (sites.length === 0)
    return [{ path: ['sites'], message: 'a study needs a site', hint: 'name one: sites: [local]' }];
  return sites.flatMap((site, index) => {
    if (sites.indexOf(site) === index) return [];
    const message = `the site '${site}' is there twice`;
    return [{ path: ['sites', index], message, hint: 'leave out one of them' }];
  });
}

/** What is wrong with a budget, and how it fits sampler and objectives. */
export function checkBudget({ budget, sampler, objectives }: StudySpec): readonly Problem[] {
  const problems = Object.entries(limits).flatMap(([name, limit]): readonly Problem[] => {
    const value: unknown = budget[name as keyof Budget];
    if (limit.holds(value)) return [];
    const message = `'${name}' of the budget has to be ${limit.words}, not ${String(value)}`;
    return [{ path: ['budget', name], message, hint: `${name}: ${limit.example}` }];
  });
  const { trials, hours, target, patience } = budget;
  if (trials === null && hours === null && target === null && sampler.type !== 'grid') {
    const message = 'the budget has no end';
    problems.push({
      path: ['budget'],
      message,
      hint: "give 'trials', 'hours' or 'target': budget: {trials: 50}",
    });
  }
  if (objectives.length > 1) {
    for (const [name, value] of Object.entries({ target, patience })) {
      if (value === null) continue;
      const message = `'${name}' needs a best value, which a study with several objectives does not have`;
      problems.push({ path: ['budget', name], message, hint: `leave out '${name}'` });
    }
  }
  return problems;
}

interface Limit {
  readonly holds: (value: unknown) => boolean;
  readonly words: string;
  readonly example: string;
}

const count = (value: unknown): boolean =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 1;
const orNone =
  (holds: Limit['holds']): Limit['holds'] =>
  (value) =>
    value === null || holds(value);

const limits: Readonly<Record<keyof Budget, Limit>> = {
  trials: { holds: orNone(count), words: 'a whole number from 1', example: '50' },
  parallel: {
    holds: (value) => count(value) && Number(value) <= maxParallel,
    words: `a whole number from 1 to ${String(maxParallel)}`,
    example: '4',
  },
  hours: {
    holds: orNone((value) => typeof value === 'number' && value > 0 && value <= maxHours),
    words: `a number above 0, and ${String(maxHours)} (ten years) at most`,
    example: '12',
  },
  failures: { holds: orNone(count), words: 'a whole number from 1', example: '10' },
  early_failures: {
    holds: orNone((value) => value === 'auto' || value === 'none' || count(value)),
    words: "a whole number from 1, 'auto' or 'none'",
    example: '3',
  },
  target: {
    holds: orNone((value) => typeof value === 'number' && Number.isFinite(value)),
    words: 'a number',
    example: '0.99',
  },
  patience: { holds: orNone(count), words: 'a whole number from 1', example: '20' },
};

/** What is wrong with a sampler for this space. */
export function checkSampler(sampler: SamplerSpec, space: SearchSpace): readonly Problem[] {
  if (sampler.type === 'agent') {
    return methodsOf(sampler).flatMap(({ method, path }) =>
      checkSampler(method, space).map((problem) => ({
        ...problem,
        // A list of values that a grid lacks is a matter of the space.
        path: problem.path[0] === 'sampler' ? ['sampler', ...path, ...problem.path.slice(1)] : problem.path,
      })),
    );
  }
  const names = Object.keys(space);
  if (sampler.type === 'qmc' && names.length > maxQmcParameters) {
    const message = `the space has ${String(names.length)} parameters; the sampler 'qmc' takes ${String(maxQmcParameters)} at most`;
    return [{ path: ['sampler'], message, hint: "use the sampler 'random' or 'tpe'" }];
  }
  if (sampler.type !== 'grid') return [];
  const path = ['sampler', 'values'];
  const problems = Object.entries(sampler.values).flatMap(([name, values]): readonly Problem[] => {
    const parameter = parameterOf(space, name);
    if (parameter === undefined) {
      const message = `the grid has values for '${name}', which the space does not have`;
      return [{ path: [...path, name], message, hint: suggestion(name, names) }];
    }
    if (values.length === 0)
      return [{ path: [...path, name], message: `the grid's list for '${name}' is empty` }];
    return values.flatMap((value, index) => {
      if (isParamValue(value) && contains(parameter, value)) return [];
      const message = `the grid has ${JSON.stringify(value)} for '${name}', which is not ${describe(parameter)}`;
      return [{ path: [...path, name, index], message, hint: `change the space, or leave out the value` }];
    });
  });
  for (const name of names) {
    const distribution = parameterOf(space, name)?.distribution;
    if (distribution?.type !== 'float' || distribution.step !== null || Object.hasOwn(sampler.values, name))
      continue;
    if (distribution.low === distribution.high) continue;
    const hint = `give '${name}' a step, or list values: sampler: {type: grid, values: {${name}: [${String(distribution.low)}, ${String(distribution.high)}]}}`;
    problems.push({
      path: ['space', name],
      message: `a grid needs to know which values of '${name}' to try`,
      hint,
    });
  }
  const size = gridSize(space, sampler.values);
  if (problems.length === 0 && size > maxCombinations) {
    const message = `the grid has ${String(size)} combinations; ${String(maxCombinations)} is the most`;
    problems.push({ path: ['sampler'], message, hint: "use larger steps, or the sampler 'qmc' or 'random'" });
  }
  return problems;
}

/** The samplers that an agent works with, and where its part of a study file names them. */
function methodsOf({ backbone, agents }: AgentSamplerSpec): readonly {
  readonly method: MethodSpec;
  readonly path: readonly (string | number)[];
}[] {
  return [
    { method: backbone, path: ['backbone'] },
    ...agents.flatMap(({ by }, index) =>
      by.kind === 'sampler' ? [{ method: by.sampler, path: ['agents', index, 'sampler'] }] : [],
    ),
  ];
}

function isParamValue(value: unknown): value is ParamValue {
  return value === null || typeof value !== 'object';
}

/** Pruning compares trials by one value, as in Optuna; and no rung lies above a trial's last step. */
export function checkPruner({ pruner, objectives }: StudySpec): readonly Problem[] {
  if (
    pruner.type === 'hyperband' &&
    pruner.max_resource !== 'auto' &&
    pruner.max_resource < pruner.min_resource
  ) {
    const [least, most] = [String(pruner.min_resource), String(pruner.max_resource)];
    const message = `'max_resource' of the pruner is ${most}, below its 'min_resource' ${least}`;
    return [{ path: ['pruner', 'max_resource'], message, hint: `max_resource: ${least} or more, or auto` }];
  }
  if (pruner.type === 'none' || objectives.length === 1) return [];
  const message = 'a study with several objectives can not prune';
  return [{ path: ['pruner'], message, hint: 'pruner: {type: none}' }];
}

/** A command's placeholders have to have a value in every trial. */
function placeholders({ trial: { program }, space }: StudySpec): readonly Problem[] {
  if (program.kind !== 'command') return [];
  return program.argv.flatMap((word, index) =>
    [...word.matchAll(/\{\{|\}\}|\{([^{}]*)\}/g)].flatMap(([, name]): readonly Problem[] => {
      if (name === undefined) return [];
      const path = ['trial', 'command', index];
      const parameter = parameterOf(space, name);
      if (parameter === undefined) {
        const message = `the command has {${name}}, which is no parameter`;
        const near = suggestion(name, Object.keys(space)) ?? '';
        return [{ path, message, hint: `${near} (for braces as such write {{ and }})`.trim() }];
      }
      if (parameter.when === undefined) return [];
      const message = `the command has {${name}}, which has no value in trials where '${name}' is inactive`;
      return [
        { path, message, hint: 'leave it out of the command, and read it from the file PERDURE_PARAMS' },
      ];
    }),
  );
}
