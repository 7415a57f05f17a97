import { z } from 'zod';
import { isPlainText } from '../study/space-rules';
import { maxParallel } from '../study/spec-rules';
import { prunerSchema, samplerSchema } from './sampler-schema';
import { choice, parameter } from './space-schema';
import { prepareSchema, trialSchema } from './trial-schema';

// Ranges are checked with the rest of the study, since a budget can be changed later on.
const count = z.int().nullable().default(null);
const amount = z.number().nullable().default(null);

/** The other limits have no default, and `null` is no limit. This one has a default, so it also accepts `none`. */
const earlyFailures = z
  .union([z.int(), z.literal('auto'), z.literal('none'), z.null()])
  .meta({ description: "a whole number from 1, 'auto' or 'none'", examples: [3] });

const budgetShape = {
  trials: count.meta({ description: 'the study is complete after so many trials', examples: [50] }),
  parallel: z
    .int()
    .default(1)
    .meta({ description: `trials at once, 1 to ${String(maxParallel)}`, examples: [4] }),
  hours: amount.meta({ description: 'wall-clock hours since the start', examples: [12] }),
  failures: count.meta({ description: 'the study fails after so many FAIL trials in a row', examples: [10] }),
  early_failures: earlyFailures.default('auto').meta({
    description:
      "the study fails after so many FAIL trials if none ended otherwise; auto: 3, or 'parallel' if that is larger, at most 10; none: no limit",
    examples: [3],
  }),
  target: amount.meta({
    description: 'the study is complete when the objective is this good',
    examples: [0.99],
  }),
  patience: count.meta({
    description: 'the study is complete after so many trials without improvement',
    examples: [20],
  }),
};

const notPlain = 'it has a zero byte, or half a character';

const objective = z.strictObject({
  metric: z
    .string()
    .min(1)
    .refine(isPlainText, notPlain)
    .meta({ description: "its name in the trial's result", examples: ['accuracy'] }),
  direction: z.enum(['minimize', 'maximize']),
});

const params = z.record(z.string(), choice);

const siteNames = z.array(z.string().min(1)).min(1);

/** A study file. */
export const studySchema = z
  .strictObject({
    name: z
      .string()
      .min(1)
      .max(512)
      .refine(isPlainText, notPlain)
      .meta({ description: 'any text', examples: ['digits'] }),
    objective: objective.optional().meta({ examples: [{ metric: 'accuracy', direction: 'maximize' }] }),
    objectives: z
      .array(objective)
      .min(1)
      .optional()
      .meta({
        examples: [
          [
            { metric: 'accuracy', direction: 'maximize' },
            { metric: 'seconds', direction: 'minimize' },
          ],
        ],
      }),
    space: z.record(z.string(), parameter).meta({ examples: [{ x: { type: 'float', low: 0, high: 1 } }] }),
    sampler: samplerSchema.prefault({ type: 'auto' }),
    enqueue: z
      .array(params)
      .default([])
      .meta({ description: 'tried first; missing parameters are sampled', examples: [[{ x: 0.5 }]] }),
    pruner: prunerSchema.prefault({ type: 'none' }),
    trial: trialSchema.meta({ examples: [{ function: 'train.py:train' }] }),
    budget: z
      .strictObject(budgetShape)
      .prefault({})
      .meta({ examples: [{ trials: 50, parallel: 4 }] }),
    sites: siteNames.optional().meta({
      description:
        'where trials run, preferred first; default: this machine, or the endpoint of the block globus_compute of the settings',
      examples: [['local']],
    }),
    spread: z
      .boolean()
      .default(false)
      .meta({
        description:
          'divide trials over the sites by free capacity, instead of using the first that takes any',
        examples: [true],
      }),
    cache: z
      .union([z.boolean(), z.literal('read')])
      .default(false)
      .meta({
        description: 'take results from equal trials of any study, and keep them (true) or not (read)',
        examples: [true],
      }),
    prepare: prepareSchema.optional(),
  })
  .meta({ title: 'A study of Perdure' });

/** What a study file says, with simple defaults filled in. */
export type StudyFile = z.output<typeof studySchema>;

/** What can be changed while a study runs. */
export const adjustmentSchema = z.strictObject({
  trials: z
    .int()
    .nullable()
    .optional()
    .meta({ examples: [50] }),
  parallel: z
    .int()
    .optional()
    .meta({ examples: [4] }),
  hours: z
    .number()
    .nullable()
    .optional()
    .meta({ examples: [12] }),
  failures: z
    .int()
    .nullable()
    .optional()
    .meta({ examples: [10] }),
  early_failures: earlyFailures.optional(),
  target: z
    .number()
    .nullable()
    .optional()
    .meta({ examples: [0.99] }),
  patience: z
    .int()
    .nullable()
    .optional()
    .meta({ examples: [20] }),
  sampler: samplerSchema.optional(),
  pruner: prunerSchema.optional(),
  space: z
    .record(
      z.string(),
      z
        .strictObject({
          low: z
            .number()
            .optional()
            .meta({ examples: [0.001] }),
          high: z
            .number()
            .optional()
            .meta({ examples: [1] }),
          choices: z
            .array(choice)
            .optional()
            .meta({ examples: [['adam', 'sgd']] }),
        })
        .meta({ examples: [{ low: 0.001, high: 0.1 }] }),
    )
    .optional()
    .meta({ examples: [{ x: { low: 0, high: 0.5 } }] }),
  sites: siteNames.optional().meta({ examples: [['aurora', 'local']] }),
});

/** A trial's parameters as a person writes them. */
export const paramsSchema = params;
