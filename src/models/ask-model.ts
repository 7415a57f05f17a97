import { keptAnswer } from '../agent/extract-json';
import { costOf } from '../agent/limits';
import type { Conversation } from '../agent/round';
import type { JsonSchema } from '../agent/proposal-schema';
import { plainLine } from '../study/plain-text';
import type { ModelSpec } from '../study/spec';
import { ModelError } from './model-error';
import { languageModel, type JsonMode, type ModelSurroundings } from './providers';
import { messageOf } from '../study/error';

export interface ModelAnswer {
  readonly text: string;
  /** `null` where the provider does not say, or says what can't be. */
  readonly usage: { readonly tokens: number; readonly costUsd: number } | null;
}

/** What each model's service turned out to help with; asked for less after it has refused more. */
const modes = new Map<string, JsonMode>();
const lesser: Readonly<Record<JsonMode, JsonMode | undefined>> = {
  schema: 'json',
  json: 'none',
  none: undefined,
};

/** Codes of a connection that was never made. */
const neverConnected =
  /^(?:ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT)$/;

/**
 * One call. It asks for JSON by the schema where the service can do that, by its JSON mode where it can't, and plainly where
 * it has none; what comes back is the answer's text in any case, for the caller to read.
 * @throws {@link ModelError}
 */
export async function askModel(
  spec: ModelSpec,
  { system, messages }: Conversation,
  schema: JsonSchema,
  surroundings: ModelSurroundings,
  signal: AbortSignal,
): Promise<ModelAnswer> {
  const id = `${spec.provider} ${spec.baseUrl ?? ''} ${spec.name}`;
  for (;;) {
    const mode = modes.get(id) ?? 'schema';
    const { model, secret } = await languageModel(spec, mode, surroundings);
    const ai = await import('ai');
    const late = AbortSignal.timeout(spec.timeout);
    try {
      const { text, usage } = await ai.generateText({
        model,
        instructions: system,
        messages: messages.map(({ role, content }) => ({ role, content })),
        maxOutputTokens: spec.maxOutputTokens,
        ...(spec.temperature === undefined ? {} : { temperature: spec.temperature }),
        ...(mode === 'none' ? {} : { output: ai.Output.object({ schema: ai.jsonSchema(schema) }) }),
        // Temporal tries again, where every try is seen and counted.
        maxRetries: 0,
        abortSignal: AbortSignal.any([signal, late]),
      });
      return { text: keptAnswer(text), usage: usageOf(usage, spec) };
    } catch (error) {
      // The answer did not fit the schema; it is read with more patience than the library has.
      if (ai.NoObjectGeneratedError.isInstance(error) && error.text !== undefined) {
        return { text: keptAnswer(error.text), usage: usageOf(error.usage, spec) };
      }
      const next = lesser[mode];
      if (next !== undefined && refusesFormat(error)) {
        modes.set(id, next);
        continue;
      }
      throw failureOf(error, { late: late.aborted, stopped: signal.aborted, spec, secret });
    }
  }
}

interface TokenCounts {
  readonly inputTokens: number | undefined;
  readonly outputTokens: number | undefined;
}

function usageOf(usage: TokenCounts | undefined, { price }: ModelSpec): ModelAnswer['usage'] {
  const { inputTokens, outputTokens } = usage ?? {};
  if (!isCount(inputTokens) || !isCount(outputTokens) || inputTokens === 0) return null;
  return { tokens: inputTokens + outputTokens, costUsd: costOf(inputTokens, outputTokens, price) };
}

/** Services of one's own may say anything; what is no number of tokens must not loosen a limit. */
function isCount(tokens: number | undefined): tokens is number {
  return Number.isSafeInteger(tokens) && tokens !== undefined && tokens >= 0 && tokens <= 1e9;
}

/** As much of the library's `APICallError` as is looked at. */
interface CallError {
  readonly statusCode?: number;
  readonly responseHeaders?: Readonly<Record<string, string>>;
  readonly responseBody?: string;
}

function callErrorOf(error: unknown): CallError {
  return typeof error === 'object' && error !== null ? error : {};
}

/** Services without a JSON mode say so with 400 or 422. */
function refusesFormat(error: unknown): boolean {
  const { statusCode, responseBody = '' } = callErrorOf(error);
  return (
    (statusCode === 400 || statusCode === 422) &&
    /response_format|json_schema|json_object|structured|guided|schema|output_config|output_format/i.test(
      responseBody,
    )
  );
}

interface Circumstances {
  readonly late: boolean;
  readonly stopped: boolean;
  readonly spec: ModelSpec;
  readonly secret: string | undefined;
}

function failureOf(error: unknown, { late, stopped, spec, secret }: Circumstances): Error {
  if (error instanceof ModelError) return error;
  if (stopped) return error instanceof Error ? error : new Error(String(error));
  if (late) return new ModelError('cut', `no answer in ${String(spec.timeout / 1000)} s`);
  const { statusCode, responseHeaders, responseBody } = callErrorOf(error);
  const words = withoutSecret(wordsOf(error, statusCode, responseBody), secret);
  if (statusCode === undefined || statusCode < 300) {
    const never = codesOf(error).some((code) => neverConnected.test(code));
    return new ModelError(
      never ? 'away' : 'cut',
      never ? `it can't be reached (${words})` : `the answer was lost (${words})`,
    );
  }
  const again = statusCode === 408 || statusCode === 409 || statusCode === 429 || statusCode >= 500;
  if (!again)
    return new ModelError('refused', `it refuses the request with status ${String(statusCode)} (${words})`);
  return new ModelError(
    'away',
    `it answers with status ${String(statusCode)} (${words})`,
    retryAfter(responseHeaders),
  );
}

function wordsOf(error: unknown, status: number | undefined, body: string | undefined): string {
  if (status !== undefined && status >= 300 && body !== undefined && body !== '') return plainLine(body, 300);
  return plainLine(messageOf(error), 300);
}

/** A provider may say the key that it was given. */
function withoutSecret(text: string, secret: string | undefined): string {
  return secret === undefined || secret.length < 4 ? text : text.replaceAll(secret, '***');
}

function codesOf(error: unknown): readonly string[] {
  const codes: string[] = [];
  for (let at: unknown = error, depth = 0; typeof at === 'object' && at !== null && depth < 6; depth++) {
    if ('code' in at && typeof at.code === 'string') codes.push(at.code);
    at = 'cause' in at ? at.cause : undefined;
  }
  return codes;
}

/** Seconds, or a date (RFC 9110). */
function retryAfter(headers: CallError['responseHeaders']): number | undefined {
  const text = headers?.['retry-after'];
  if (text === undefined) return undefined;
  const seconds = Number(text);
  const wait = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(text) - Date.now();
  return Number.isFinite(wait) ? Math.min(Math.max(0, wait), 3_600_000) : undefined;
}
