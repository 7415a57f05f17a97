import type { LanguageModel } from 'ai';
import type { ModelSpec } from '../study/spec';
import { ModelError } from './model-error';

/** What a provider needs of its surroundings. */
export interface ModelSurroundings {
  readonly env: NodeJS.ProcessEnv;
}

/** ALCF's inference endpoints (docs.alcf.anl.gov, "Inference Endpoints"). */
export const alcfBaseUrl = 'https://inference-api.alcf.anl.gov/resource_server/sophia/vllm/v1';

/** How far a model's service helps to get JSON: by a schema, by a mode, or not at all. */
export type JsonMode = 'schema' | 'json' | 'none';

/**
 * The model as the `ai` library has it. The library is loaded here, by the first call, so that workers without agents don't.
 * @throws {@link ModelError} `refused` where a key is missing
 */
export async function languageModel(
  spec: ModelSpec,
  mode: JsonMode,
  { env }: ModelSurroundings,
): Promise<{ readonly model: LanguageModel; readonly secret: string | undefined }> {
  const { provider, name, baseUrl } = spec;
  const secret = keyOf(spec, env);
  const apiKey = secret;
  switch (provider) {
    case 'openai_compatible':
    case 'alcf': {
      const { createOpenAICompatible } = await import('@ai-sdk/openai-compatible');
      const baseURL = baseUrl ?? alcfBaseUrl;
      const supportsStructuredOutputs = mode === 'schema';
      return {
        model: createOpenAICompatible({ name: 'model', baseURL, apiKey, supportsStructuredOutputs })(name),
        secret,
      };
    }
    case 'anthropic': {
      const { createAnthropic } = await import('@ai-sdk/anthropic');
      return { model: createAnthropic({ baseURL: baseUrl, apiKey })(name), secret };
    }
    case 'google': {
      const { createGoogleGenerativeAI } = await import('@ai-sdk/google');
      return { model: createGoogleGenerativeAI({ baseURL: baseUrl, apiKey })(name), secret };
    }
  }
}

function keyOf({ apiKeyEnv }: ModelSpec, env: NodeJS.ProcessEnv): string | undefined {
  if (apiKeyEnv === undefined) return undefined;
  const key = env[apiKeyEnv];
  if (key !== undefined && key !== '') return key;
  throw new ModelError(
    'refused',
    `the environment variable ${apiKeyEnv} is not set where the worker runs; set it there and start the worker again`,
  );
}
