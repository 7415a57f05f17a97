import { z } from 'zod';
import { agentTools } from '../study/spec';
import { duration } from './duration-schema';
import { methodSchema, methodTypes, seed } from './method-schema';
import { variableName } from './variable-schema';

export const modelProviders = ['openai_compatible', 'anthropic', 'google', 'alcf'] as const;

const modulePath = z
  .string()
  .min(1)
  .meta({
    description: 'a JavaScript or TypeScript file that exports a proposer',
    examples: ['./my-proposer.ts'],
  });

const variable = variableName.meta({
  description: 'the environment variable with the key; the key itself is written nowhere',
  examples: ['OPENAI_API_KEY'],
});

const modelShape = {
  provider: z
    .enum(modelProviders)
    .optional()
    .meta({ examples: ['openai_compatible'] }),
  name: z
    .string()
    .min(1)
    .optional()
    .meta({ description: 'as the provider calls it', examples: ['gpt-4o-mini'] }),
  base_url: z
    .string()
    .min(1)
    .optional()
    .meta({ description: 'where it is reached', examples: ['http://127.0.0.1:8000/v1'] }),
  api_key_env: variable.optional(),
  temperature: z
    .number()
    .min(0)
    .max(2)
    .optional()
    .meta({ examples: [0.7] }),
  max_output_tokens: z
    .int()
    .min(64)
    .max(1_000_000)
    .default(4096)
    .meta({ description: 'tokens that an answer may have; so many are reserved before a call' }),
  timeout: duration.default('2m').meta({ description: 'how long one call may take', examples: ['2m'] }),
  retries: z
    .int()
    .min(0)
    .max(20)
    .default(4)
    .meta({ description: 'how often a call is made again that was not answered' }),
  calls_per_minute: z.int().min(1).max(10_000).default(30),
  price: z
    .strictObject({ input: z.number().min(0), output: z.number().min(0) })
    .optional()
    .meta({
      description:
        'US dollars for a million tokens; default: that of the dearest models, so that limits hold',
      examples: [{ input: 0.15, output: 0.6 }],
    }),
  module: modulePath.optional(),
};

const model = z.strictObject(modelShape).meta({
  description: 'the language model',
  examples: [{ provider: 'openai_compatible', base_url: 'http://127.0.0.1:8000/v1', name: 'llama' }],
});

const method = z
  .union([z.enum(methodTypes), methodSchema])
  .meta({ description: 'a sampler, or its type', examples: ['tpe'] });

const share = z.number().meta({ description: 'of the trials, above 0 and at most 1', examples: [0.3] });

const limit = (fallback: number | null): z.ZodDefault<z.ZodNullable<z.ZodNumber>> =>
  z.number().min(0).nullable().default(fallback);

/** `sampler: {type: agent}` of a study. */
export const agentSchema = z.strictObject({
  type: z.literal('agent'),
  seed,
  model: model.optional(),
  module: modulePath.optional(),
  context: z
    .string()
    .max(20_000)
    .default('')
    .meta({
      description: 'what you know of data, model and machine, told to the model',
      examples: ['ResNet-18 on CIFAR-10, 10 epochs'],
    }),
  backbone: method.default('tpe'),
  share: share.optional(),
  batch: z
    .int()
    .min(1)
    .max(32)
    .default(4)
    .meta({ description: 'proposals per call', examples: [4] }),
  critic: z
    .boolean()
    .default(false)
    .meta({ description: 'a second call judges the proposals before they are accepted' }),
  approval: z
    .enum(['none', 'first', 'every'])
    .default('none')
    .meta({ description: 'which rounds wait for a person' }),
  limits: z
    .strictObject({
      calls: limit(100).meta({ description: 'in the whole study; null: no limit', examples: [100] }),
      tokens: limit(500_000).meta({ examples: [500_000] }),
      cost_usd: limit(null).meta({ examples: [5] }),
    })
    .prefault({})
    .meta({ examples: [{ calls: 100, tokens: 500_000, cost_usd: 5 }] }),
  tools: z
    .array(z.enum(agentTools))
    .default([])
    .meta({ description: 'what it may ask of the study beside trials', examples: [['narrow_space']] }),
  agents: z
    .array(
      z.strictObject({
        name: z
          .string()
          .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$/, 'use letters, digits, - and _, 40 at most')
          .optional()
          .meta({ examples: ['careful'] }),
        persona: z
          .string()
          .max(4_000)
          .default('')
          .meta({ description: 'how it sees the study', examples: ['You prefer small, cheap changes.'] }),
        share,
        model: model.optional(),
        module: modulePath.optional(),
        sampler: method.optional(),
      }),
    )
    .min(1)
    .optional()
    .meta({
      description: 'several proposers on one study',
      examples: [
        [
          { name: 'bold', share: 0.2 },
          { name: 'tpe', sampler: 'tpe', share: 0.3 },
        ],
      ],
    }),
});

export type AgentFile = z.output<typeof agentSchema>;
export type ModelFile = z.output<typeof model>;
