import { z } from 'zod';
import { choice } from './space-schema';

/** NumPy's generators take 32 bits. */
export const seed = z
  .int()
  .min(0)
  .max(2 ** 32 - 1)
  .nullable()
  .default(null)
  .meta({
    description: 'same seed and history, same proposals; drawn once where it is left out',
    examples: [1],
  });

const positive = (fallback: number): z.ZodDefault<z.ZodInt> => z.int().min(1).default(fallback);

export const methods = [
  z.strictObject({
    type: z.literal('auto'),
    seed,
    repeats: z
      .enum(['avoid', 'allow'])
      .default('avoid')
      .meta({ description: 'whether a configuration may be proposed again before all have been tried' }),
  }),
  z.strictObject({ type: z.literal('random'), seed }),
  z.strictObject({
    type: z.literal('grid'),
    seed,
    values: z
      .record(z.string(), z.array(choice).meta({ examples: [[0.001, 0.01]] }))
      .default({})
      .meta({
        description: 'the values to try, of parameters that have no step',
        examples: [{ x: [0.001, 0.01] }],
      }),
  }),
  z.strictObject({ type: z.literal('qmc'), seed, scramble: z.boolean().default(true) }),
  z.strictObject({
    type: z.literal('tpe'),
    seed,
    n_startup_trials: z.int().min(0).default(10),
    n_ei_candidates: positive(24),
    multivariate: z.boolean().optional().meta({ description: 'default: true with one objective' }),
    constant_liar: z.boolean().default(true),
  }),
  z.strictObject({
    type: z.literal('gp'),
    seed,
    n_startup_trials: positive(10).meta({ description: 'COMPLETE trials before the model is used' }),
  }),
  z.strictObject({
    type: z.literal('optuna'),
    seed,
    sampler: z
      .string()
      .min(1)
      .meta({ description: 'a class of optuna.samplers, or module:Class', examples: ['GPSampler'] }),
    options: z
      .record(z.string(), z.json())
      .default({})
      .meta({ description: 'keyword arguments of the class', examples: [{ n_startup_trials: 10 }] }),
    python: z
      .string()
      .min(1)
      .optional()
      .meta({
        description: "a Python that has Optuna; default: the trial's",
        examples: ['.venv/bin/python'],
      }),
  }),
] as const;

/** A sampler without a language model. Defaults of `tpe` are those of Optuna 5. */
export const methodSchema = z
  .discriminatedUnion('type', methods)
  .meta({ description: 'a sampler', examples: [{ type: 'tpe' }] });

/** Those that need no more than their type. */
export const methodTypes = ['auto', 'random', 'grid', 'qmc', 'tpe', 'gp'] as const;
