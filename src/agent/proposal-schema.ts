import type { Json } from '../study/json';
import type { Parameter, SearchSpace } from '../study/space';
import { describe } from '../study/space-membership';
import type { AgentTool } from '../study/spec';

/** A JSON Schema, in the subset that strict modes of providers take: all properties required, none besides. */
export type JsonSchema = Readonly<Record<string, Json>>;

/** What a model answers with when it proposes. */
export function proposalSchema(
  space: SearchSpace,
  tools: readonly AgentTool[],
  sites: readonly string[],
): JsonSchema {
  const params = object(
    Object.fromEntries(Object.entries(space).map(([name, parameter]) => [name, valueSchema(parameter)])),
  );
  const site: JsonSchema =
    sites.length > 1 ? { site: { type: ['string', 'null'], enum: [...sites, null] } } : {};
  const proposal = object({ params, rationale: { type: 'string' }, ...site });
  return object({
    proposals: { type: 'array', items: proposal },
    ...(tools.length === 0 ? {} : { requests: { type: 'array', items: requestSchema(tools) } }),
  });
}

/** What a critic answers with. */
export const verdictSchema: JsonSchema = object({
  verdicts: {
    type: 'array',
    items: object({
      index: { type: 'integer' },
      accept: { type: 'boolean' },
      reason: { type: 'string' },
    }),
  },
});

/** What comes of looking back. */
export const notesSchema: JsonSchema = object({ notes: { type: 'string' } });

function requestSchema(tools: readonly AgentTool[]): Json {
  return object({
    tool: { type: 'string', enum: [...tools] },
    // As text: its form depends on the tool, which strict modes can't say.
    arguments: { type: 'string', description: 'a JSON object' },
    reason: { type: 'string' },
  });
}

/** Strict modes require every property, so a parameter that may be inactive may be null. */
function valueSchema(parameter: Parameter): Json {
  const { distribution, allowed, when } = parameter;
  const optional = when !== undefined;
  if (distribution.type === 'categorical') {
    const choices = [...(allowed ?? distribution.choices)];
    return { enum: optional && !choices.includes(null) ? [...choices, null] : choices };
  }
  const { type, low, high } = distribution;
  const kind = type === 'int' ? 'integer' : 'number';
  return {
    type: optional ? [kind, 'null'] : kind,
    minimum: low,
    maximum: high,
    description: describe(parameter),
  };
}

function object(properties: JsonSchema): JsonSchema {
  return { type: 'object', properties, required: Object.keys(properties), additionalProperties: false };
}
