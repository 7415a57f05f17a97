import { z } from 'zod';
import { choice } from './space-schema';

/** NumPy's generators take 32 bits. */
const seed = z
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

/** `sampler:` of a study. Defaults of `tpe` are those of Optuna 5. */
export const samplerSchema = z
  .discriminatedUnion('type', [
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
  ])
  .meta({ description: 'how parameters are proposed', examples: [{ type: 'tpe', seed: 1 }] });

/** `pruner:` of a study. Defaults are Optuna's. */
export const prunerSchema = z
  .discriminatedUnion('type', [
    z.strictObject({ type: z.literal('none') }),
    z.strictObject({
      type: z.literal('median'),
      n_startup_trials: z.int().min(0).default(5),
      n_warmup_steps: z.int().min(0).default(0),
      interval_steps: positive(1),
      n_min_trials: positive(1),
    }),
    z.strictObject({
      type: z.literal('successive_halving'),
      min_resource: z
        .union([z.int().min(1), z.literal('auto')])
        .default('auto')
        .meta({ description: "a whole number from 1 or 'auto'", examples: ['auto'] }),
      reduction_factor: z.int().min(2).default(4),
      min_early_stopping_rate: z.int().min(0).default(0),
    }),
    z.strictObject({
      type: z.literal('hyperband'),
      min_resource: positive(1),
      max_resource: z
        .union([z.int().min(1), z.literal('auto')])
        .default('auto')
        .meta({ description: "a whole number from 1 or 'auto'", examples: ['auto'] }),
      reduction_factor: z.int().min(2).default(3),
    }),
  ])
  .meta({ description: 'which running trials are given up', examples: [{ type: 'median' }] });
