import type { AgentLimits, ModelSpec } from '../study/spec';
import type { Conversation, Usage } from './round';

/** What all calls of a study have used up, those counted with the most they can cost that are not settled. */
export interface Spent extends Usage {
  readonly calls: number;
}

/** Room for the marks that a provider puts around each message, and its own instructions for JSON. */
const overhead = 1_000;

/**
 * The most that a call can cost. A token stands for one byte at least, so the bytes of the prompt bound its tokens whatever
 * the model's tokenizer; what the provider adds for a schema is bounded by the schema's own length.
 */
export function mostOf(
  { system, messages }: Conversation,
  schemaLength: number,
  { maxOutputTokens, price }: Pick<ModelSpec, 'maxOutputTokens' | 'price'>,
): Usage {
  const bytes = [system, ...messages.map(({ content }) => content)].reduce(
    (sum, text) => sum + Buffer.byteLength(text),
    0,
  );
  const input = bytes + schemaLength + overhead;
  return { tokens: input + maxOutputTokens, costUsd: costOf(input, maxOutputTokens, price) };
}

/** US dollars. */
export function costOf(inputTokens: number, outputTokens: number, price: ModelSpec['price']): number {
  return (inputTokens * price.input + outputTokens * price.output) / 1_000_000;
}

/** Why one more call could exceed a limit; `null`: it can't. */
export function limitReached(spent: Spent, next: Usage, limits: AgentLimits): string | null {
  const { calls, tokens, cost_usd } = limits;
  if (calls !== null && spent.calls + 1 > calls) return `all ${String(calls)} calls are used up`;
  if (tokens !== null && spent.tokens + next.tokens > tokens) {
    return `a call may take ${String(next.tokens)} tokens, and ${String(Math.max(0, tokens - spent.tokens))} of ${String(tokens)} are left`;
  }
  if (cost_usd !== null && spent.costUsd + next.costUsd > cost_usd) {
    return `a call may cost ${dollars(next.costUsd)}, and ${dollars(Math.max(0, cost_usd - spent.costUsd))} of ${dollars(cost_usd)} are left`;
  }
  return null;
}

/** Two digits, or as many as it takes to show something. */
export function dollars(amount: number): string {
  return `$${amount >= 0.01 || amount === 0 ? amount.toFixed(2) : amount.toPrecision(2)}`;
}
