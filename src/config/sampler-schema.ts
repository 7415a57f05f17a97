import { z } from 'zod';
import { agentSchema } from './agent-schema';
import { methods } from './method-schema';

/** `sampler:` of a study. */
export const samplerSchema = z
  .discriminatedUnion('type', [...methods, agentSchema])
  .meta({ description: 'how parameters are proposed', examples: [{ type: 'auto', seed: 1 }] });

const positive = (fallback: number): z.ZodDefault<z.ZodInt> => z.int().min(1).default(fallback);

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
