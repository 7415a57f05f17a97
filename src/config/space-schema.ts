import { z } from 'zod';

/** A value of a categorical parameter. */
export const choice = z
  .union([z.null(), z.boolean(), z.number(), z.string()])
  .meta({ description: 'text, a number, true, false or null' });

const when = z
  .record(z.string(), z.union([choice, z.array(choice)]).meta({ description: 'a value or a list of values' }))
  .optional()
  .meta({
    description: 'active only where each parent has one of these values',
    examples: [{ optimizer: ['sgd'] }],
  });

const log = z
  .boolean()
  .default(false)
  .meta({ description: 'search on a logarithmic scale', examples: [true] });

const float = z.strictObject({
  type: z.literal('float'),
  low: z.number().meta({ examples: [0.001] }),
  high: z.number().meta({ examples: [1] }),
  log,
  step: z
    .number()
    .nullable()
    .default(null)
    .meta({ examples: [0.1] }),
  when,
});

const int = z.strictObject({
  type: z.literal('int'),
  low: z.int().meta({ examples: [1] }),
  high: z.int().meta({ examples: [64] }),
  log,
  step: z
    .int()
    .default(1)
    .meta({ examples: [8] }),
  when,
});

const categorical = z.strictObject({
  type: z.literal('categorical'),
  choices: z.array(choice).meta({ examples: [['adam', 'sgd']] }),
  when,
});

/** One entry of `space:`. */
export const parameter = z
  .discriminatedUnion('type', [float, int, categorical])
  .meta({ examples: [{ type: 'float', low: 0, high: 1 }] });
