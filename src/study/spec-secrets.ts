import type { StudySpec } from './spec';

/** Names of the environment variables that hold secrets of a study: the keys of its language models. */
export function studySecrets({ sampler }: Pick<StudySpec, 'sampler'>): readonly string[] {
  if (sampler.type !== 'agent') return [];
  return sampler.agents.flatMap(({ by }) =>
    by.kind === 'model' && by.model.apiKeyEnv !== undefined ? [by.model.apiKeyEnv] : [],
  );
}
