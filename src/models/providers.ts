import type { LanguageModel } from 'ai';
import { PerdureError } from '../study/error';
import type { ModelSpec } from '../study/spec';
import { ModelError } from './model-error';

/** What a provider needs of its surroundings. */
export interface ModelSurroundings {
  readonly env: NodeJS.ProcessEnv;
  /**
   * An access token of a Globus login that is good for models; absent: no site's logins ask for one.
   * @throws {@link PerdureError} `LoginRequired`, `Unavailable`
   */
  readonly globusToken?: () => Promise<string>;
}

/** ALCF's inference endpoints (docs.alcf.anl.gov, "Inference Endpoints"). */
export const alcfBaseUrl = 'https://inference-api.alcf.anl.gov/resource_server/sophia/vllm/v1';

/** How far a model's service helps to get JSON: by a schema, by a mode, or not at all. */
export type JsonMode = 'schema' | 'json' | 'none';

/**
 * The model as the `ai` library has it. The library is loaded here, by the first call, so that workers without agents don't.
 * @throws {@link ModelError} `refused` where a key or a login is missing, `away` where Globus Auth is
 */
export async function languageModel(
  spec: ModelSpec,
  mode: JsonMode,
  surroundings: ModelSurroundings,
): Promise<{ readonly model: LanguageModel; readonly secret: string | undefined }> {
  const { provider, name, baseUrl } = spec;
  const secret = await keyOf(spec, surroundings);
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

async function keyOf(
  { provider, apiKeyEnv }: ModelSpec,
  { env, globusToken }: ModelSurroundings,
): Promise<string | undefined> {
  if (apiKeyEnv === undefined) return undefined;
  const key = env[apiKeyEnv];
  if (key !== undefined && key !== '') return key;
  if (provider === 'alcf') return tokenOf(globusToken, apiKeyEnv);
  throw new ModelError(
    'refused',
    `the environment variable ${apiKeyEnv} is not set where the worker runs; set it there and start the worker again`,
  );
}

async function tokenOf(globusToken: ModelSurroundings['globusToken'], variable: string): Promise<string> {
  if (globusToken === undefined) {
    const way = 'give a site of Globus Compute `inference: {}` in the settings, then perdure login SITE';
    throw new ModelError('refused', `there is no Globus login for models: ${way}; or set ${variable}`);
  }
  try {
    return await globusToken();
  } catch (error) {
    if (!(error instanceof PerdureError)) throw error;
    const { kind, message, hint } = error;
    const words = hint === undefined ? message : `${message}: ${hint}`;
    throw new ModelError(kind === 'Unavailable' ? 'away' : 'refused', words);
  }
}
