import { createSampler } from '../samplers';
import { randomParams } from '../samplers/random';
import { RandomStream } from '../samplers/random-stream';
import { withCleanUp } from '../study/clean-up';
import { PerdureError } from '../study/error';
import { samplerMethods } from '../study/local-programs';
import type { SearchSpace } from '../study/space';
import type { SamplerSpec, StudySpec } from '../study/spec';
import type { Trial } from '../study/trial';

type OptunaSpec = Extract<SamplerSpec, { type: 'optuna' }>;

/** How many trials Optuna's samplers propose at random first, where their options do not say. */
const usualStartup = 10;
const mostStartup = 100;

/**
 * Asks Optuna for proposals, where it is a sampler of the study, a first one and one after some trials: a missing package, class
 * or option is better known now than when the study runs.
 * @throws {@link PerdureError} `InvalidInput`
 */
export async function checkOptuna({ sampler, space, objectives }: StudySpec, where: string): Promise<void> {
  for (const method of samplerMethods(sampler))
    if (method.type === 'optuna') await tryOptuna(method, { space, objectives }, where);
}

/** What this process has asked already: PyTorch alone takes seconds to load, and a command checks a study twice. */
const answered = new Set<string>();

async function tryOptuna(
  spec: OptunaSpec,
  { space, objectives }: Pick<StudySpec, 'space' | 'objectives'>,
  where: string,
): Promise<void> {
  const key = JSON.stringify([spec, space, objectives]);
  if (answered.has(key)) return;
  const sampler = createSampler(spec, 0);
  await withCleanUp(
    async () => {
      try {
        const request = { space, directions: objectives.map(({ direction }) => direction), fixed: {} };
        await sampler.propose({ ...request, number: 0, history: { finished: [], running: [] } });
        // Most samplers begin at random: what they need is first needed after that.
        const count = startupOf(spec) + 2;
        const finished = Array.from({ length: count }, (_, number) =>
          endedTrial(number, space, objectives.length),
        );
        await sampler.propose({ ...request, number: count, history: { finished, running: [] } });
        answered.add(key);
      } catch (error) {
        if (!(error instanceof PerdureError)) throw error;
        throw new PerdureError('InvalidInput', error.message, { where, hint: error.hint, cause: error });
      }
    },
    () => sampler.close(),
  );
}

function startupOf({ options: { n_startup_trials: given } }: OptunaSpec): number {
  return typeof given === 'number' && given > 0 ? Math.min(Math.ceil(given), mostStartup) : usualStartup;
}

/** A trial as it could have been. */
function endedTrial(number: number, space: SearchSpace, objectives: number): Trial {
  const params = randomParams({ space, fixed: {} }, new RandomStream(0, number));
  const now = new Date();
  return {
    number,
    state: 'COMPLETE',
    values: Array.from({ length: objectives }, (_, objective) => (objective % 2 === 0 ? number : -number)),
    params,
    distributions: Object.fromEntries(
      Object.entries(space).map(([name, { distribution }]) => [name, distribution]),
    ),
    intermediateValues: new Map(),
    userAttrs: {},
    systemAttrs: {},
    datetimeStart: now,
    datetimeComplete: now,
  };
}
