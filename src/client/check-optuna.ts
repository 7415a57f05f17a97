import { createSampler } from '../samplers';
import { PerdureError } from '../study/error';
import type { Params, SearchSpace } from '../study/space';
import type { SamplerSpec, StudySpec } from '../study/spec';
import type { Trial } from '../study/trial';

/**
 * Asks Optuna for a proposal, where it is a sampler of the study: a missing package, class or option is better known now than
 * when the study runs.
 */
export async function checkOptuna({ sampler, space, objectives }: StudySpec, where: string): Promise<void> {
  const methods =
    sampler.type === 'agent'
      ? [sampler.backbone, ...sampler.agents.flatMap(({ by }) => (by.kind === 'sampler' ? [by.sampler] : []))]
      : [sampler];
  for (const method of methods)
    if (method.type === 'optuna') await tryOptuna(method, { space, objectives }, where);
}

async function tryOptuna(
  spec: SamplerSpec,
  { space, objectives }: Pick<StudySpec, 'space' | 'objectives'>,
  where: string,
): Promise<void> {
  const sampler = createSampler(spec, 0);
  try {
    const directions = objectives.map(({ direction }) => direction);
    const request = { space, directions, fixed: {} };
    const params = await sampler.propose({
      ...request,
      number: 0,
      history: { finished: [], running: [] },
    });
    // Some options are first looked at when a trial has ended.
    const ended = endedTrial(params ?? {}, space, objectives.length);
    await sampler.propose({ ...request, number: 1, history: { finished: [ended], running: [] } });
  } catch (error) {
    if (!(error instanceof PerdureError)) throw error;
    throw new PerdureError('InvalidInput', error.message, { where, hint: error.hint, cause: error });
  } finally {
    await sampler.close();
  }
}

function endedTrial(params: Params, space: SearchSpace, objectives: number): Trial {
  const now = new Date();
  return {
    number: 0,
    state: 'COMPLETE',
    values: Array.from({ length: objectives }, () => 0),
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
