import { appendAll } from '../study/lists';
import type { Problem } from '../study/problem';
import type { Choice, Parameter, SearchSpace } from '../study/space';
import { snapped } from '../study/space-rules';
import { checkSiteNames } from '../study/spec-rules';
import type {
  MethodSpec,
  Preparation,
  Program,
  PrunerSpec,
  SamplerSpec,
  StagedFile,
  StudySpec,
  TrialSpec,
} from '../study/spec';
import { trialShape, type TrialShape } from '../study/trial-shape';
import { agentOf } from './agent-spec';
import { parseDuration } from './duration';
import { milliseconds } from './duration-schema';
import { methodSchema } from './method-schema';
import { insidePath } from './staged-files';
import type { StudyFile } from './study-schema';
import { prepareDefaults } from './trial-schema';
import { variablePattern } from './variable-schema';

type ParameterFile = StudyFile['space'][string];

/** What a study file says, as the specification that workflows and samplers work with. */
export function toSpec(
  study: StudyFile,
  files: readonly StagedFile[],
  absolute: (path: string) => string,
  problems: Problem[],
): StudySpec {
  const objectives = study.objectives ?? (study.objective === undefined ? [] : [study.objective]);
  const python = absolute(study.trial.python);
  appendAll(problems, repeatedMetrics(objectives.map(({ metric }) => metric)));
  const sites = study.sites ?? ['local'];
  appendAll(problems, checkSiteNames(sites));
  return {
    name: study.name,
    objectives,
    space: spaceOf(study.space),
    sampler: samplerOf(study.sampler, { objectives: objectives.length, python, absolute, problems }),
    enqueue: study.enqueue,
    pruner: study.pruner satisfies PrunerSpec,
    trial: trialSpecOf(study.trial, { files, python }, problems),
    budget: study.budget,
    sites,
    ...(study.spread ? { spread: true } : {}),
    ...(study.cache === false ? {} : { cache: study.cache }),
    ...(study.prepare === undefined ? {} : { prepare: preparationOf(study.prepare) }),
  };
}

/** What a trial, or a job without a study, runs. */
export function trialSpecOf(
  trial: StudyFile['trial'],
  { files, python }: Pick<TrialSpec, 'files' | 'python'>,
  problems: Problem[],
): TrialSpec {
  appendAll(problems, environmentProblems(trial.env));
  return {
    program: programOf(trial) ?? { kind: 'command', argv: [] },
    files,
    python,
    env: trial.env,
    timeout: timeoutOf(trial.timeout, problems),
    retries: trial.retries,
    ...shapeOf(trial),
  };
}

/** What differs from the defaults, and nothing else: see {@link TrialSpec}. */
function shapeOf({ resume, max_resumes, nodes, ranks_per_node }: StudyFile['trial']): Partial<TrialShape> {
  const defaults = trialShape({});
  return {
    ...(resume === defaults.resume ? {} : { resume }),
    ...(max_resumes === defaults.maxResumes ? {} : { maxResumes: max_resumes }),
    ...(nodes === defaults.nodes ? {} : { nodes }),
    ...(ranks_per_node === defaults.ranksPerNode ? {} : { ranksPerNode: ranks_per_node }),
  };
}

function preparationOf(prepare: NonNullable<StudyFile['prepare']>): Preparation {
  const short = typeof prepare === 'string' || Array.isArray(prepare);
  const { run, in: where, timeout } = short ? { run: prepare, ...prepareDefaults } : prepare;
  // Of a list each command has to succeed; a script has its own way with errors.
  const script = typeof run === 'string' ? run : ['set -e', ...run].join('\n');
  return {
    script: `${script.replace(/\r\n?/g, '\n').trimEnd()}\n`,
    in: where,
    timeout: milliseconds(timeout),
  };
}

/** The trial's program; `undefined` where the file does not say it in a right way. */
export function programOf(trial: Pick<StudyFile['trial'], 'function' | 'command'>): Program | undefined {
  if (trial.command !== undefined) return { kind: 'command', argv: trial.command };
  const [, file, name] = /^(.+):([\p{L}_][\p{L}\p{N}_]*)$/u.exec(trial.function ?? '') ?? [];
  if (file === undefined || name === undefined) return undefined;
  return { kind: 'function', file: insidePath(file) ?? file, name };
}

/** What a sampler's defaults depend on. */
export interface SamplerCircumstances {
  /** How many. */
  readonly objectives: number;
  readonly python: string;
  readonly absolute: (path: string) => string;
  /** What is wrong is added here. */
  readonly problems: Problem[];
}

type MethodFile = Exclude<StudyFile['sampler'], { type: 'agent' }>;

/** The sampler as the file gives it, with the defaults that depend on other parts of the study. */
export function samplerOf(sampler: StudyFile['sampler'], study: SamplerCircumstances): SamplerSpec {
  if (sampler.type !== 'agent') return methodOf(sampler, study);
  const problems: Problem[] = [];
  const agent = agentOf(sampler, {
    absolute: study.absolute,
    method: (method) =>
      methodOf(typeof method === 'string' ? methodSchema.parse({ type: method }) : method, study),
    problems,
  });
  appendAll(
    study.problems,
    problems.map((problem) => ({ ...problem, path: ['sampler', ...problem.path] })),
  );
  return agent;
}

function methodOf(sampler: MethodFile, study: SamplerCircumstances): MethodSpec {
  if (sampler.type === 'tpe')
    return { ...sampler, multivariate: sampler.multivariate ?? study.objectives === 1 };
  if (sampler.type !== 'optuna') return sampler;
  return { ...sampler, python: sampler.python === undefined ? study.python : study.absolute(sampler.python) };
}

function spaceOf(space: StudyFile['space']): SearchSpace {
  return Object.fromEntries(Object.entries(space).map(([name, parameter]) => [name, parameterOf(parameter)]));
}

function parameterOf({ when, ...distribution }: ParameterFile): Parameter {
  if (when === undefined) return { distribution: snapped(distribution) };
  const lists = Object.entries(when).map(([parent, values]): [string, readonly Choice[]] => [
    parent,
    Array.isArray(values) ? values : [values],
  ]);
  return { distribution: snapped(distribution), when: Object.fromEntries(lists) };
}

function timeoutOf(timeout: string | number | undefined, problems: Problem[]): number | null {
  if (timeout === undefined) return null;
  const parsed = parseDuration(timeout);
  if (parsed !== undefined) return parsed;
  const message = `'${String(timeout)}' is not a duration above 0`;
  problems.push({
    path: ['trial', 'timeout'],
    message,
    hint: 'write 90s, 10m, 1h30m, or a number of seconds',
  });
  return null;
}

function repeatedMetrics(metrics: readonly string[]): readonly Problem[] {
  return metrics.flatMap((metric, index) => {
    if (metrics.indexOf(metric) === index) return [];
    const message = `the metric '${metric}' is there twice`;
    return [{ path: ['objectives', index], message, hint: 'leave out one of them' }];
  });
}

function environmentProblems(env: Readonly<Record<string, string>>): readonly Problem[] {
  return Object.entries(env).flatMap(([name, value]): readonly Problem[] => {
    const path = ['trial', 'env', name];
    if (!variablePattern.test(name)) {
      const hint = 'use letters, digits and _';
      return [{ path, message: `'${name}' can't be the name of an environment variable`, hint }];
    }
    if (name.startsWith('PERDURE_')) {
      return [
        { path, message: `'${name}' is set by Perdure itself`, hint: 'choose a name without PERDURE_' },
      ];
    }
    return value.includes('\0') ? [{ path, message: `the value of '${name}' has a zero byte` }] : [];
  });
}
