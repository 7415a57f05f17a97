import type { Adjustment } from '../study/adjustment';
import { isObject } from '../study/json';
import { invalidInput, pathText, type Problem } from '../study/problem';
import type { Params } from '../study/space';
import type { StudySpec } from '../study/spec';
import { placed, placeIn, programPath } from './place';
import { shaped } from './shape';
import { adjustmentSchema, paramsSchema } from './study-schema';
import { samplerOf } from './study-spec';
import { workingDirectory } from './user-directory';
import { parseYaml } from './yaml-source';

/** What a change of a sampler may depend on. */
export interface AdjustmentOptions {
  /** What to call the input in messages. */
  readonly where?: string;
  /** The study as it is: gives the defaults of a new sampler. */
  readonly spec?: Pick<StudySpec, 'objectives' | 'trial'>;
}

/**
 * What a person wants to change in a running study: `trials`, `parallel`, `hours`, `failures`, `early_failures`, `target`,
 * `patience` (`null`: no limit), `sampler`, `pruner`, `space` (name → `{low, high}` or `{choices}`), `sites`, as an object or as its text (JSON
 * or YAML). Whether the study can be changed so is decided by `applyAdjustment`.
 * @throws {@link PerdureError} `InvalidInput`
 */
export function parseAdjustment(
  input: unknown,
  { where = 'adjustment', spec }: AdjustmentOptions = {},
): Adjustment {
  const form = shaped(
    adjustmentSchema,
    typeof input === 'string' ? parseYaml(input, where, 'JSON') : { data: input, place: placeIn(where) },
  );
  if (!form.ok) throw invalidInput(form.problems);
  const { sampler, pruner, space, sites, ...limits } = form.value;
  const budget = Object.fromEntries(
    Object.entries<unknown>(limits).filter(([, value]) => value !== undefined),
  );
  const problems: Problem[] = [];
  const study = {
    problems,
    objectives: spec?.objectives.length ?? 1,
    python: spec?.trial.python ?? 'python3',
    absolute: (path: string) => programPath(path, workingDirectory()),
  };
  const adjustment: Adjustment = {
    ...(Object.keys(budget).length === 0 ? {} : { budget }),
    ...(sampler === undefined ? {} : { sampler: samplerOf(sampler, study) }),
    ...(pruner === undefined ? {} : { pruner }),
    ...(space === undefined ? {} : { space }),
    ...(sites === undefined ? {} : { sites }),
  };
  if (problems.length > 0) throw invalidInput(placed(problems, pathText));
  if (Object.keys(adjustment).length > 0) return adjustment;
  const hint =
    'give at least one of: trials, parallel, hours, failures, early_failures, target, patience, sampler, pruner, space, sites';
  throw invalidInput([{ where, message: 'nothing to change', hint }]);
}

/**
 * A trial's parameters from their text, JSON (or YAML): `{"learning_rate": 0.01}`. Whether the study has them is decided
 * by `checkParams`.
 * @throws {@link PerdureError} `InvalidInput` with line and column
 */
export function parseParamsJson(text: string, where = 'JSON'): Params {
  const source = parseYaml(text, where, 'JSON');
  if (!isObject(source.data)) {
    const message = `parameters are an object with a value for each name`;
    throw invalidInput([
      { where: `${where}:1:1`, message, hint: `write '{"learning_rate": 0.01}', in quotes for the shell` },
    ]);
  }
  const form = shaped(paramsSchema, source);
  if (form.ok) return form.value;
  throw invalidInput(form.problems);
}
