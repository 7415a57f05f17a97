import { z } from 'zod';
import { duration } from './duration-schema';

/** What a trial runs. */
export const trialSchema = z.strictObject({
  function: z
    .string()
    .optional()
    .meta({
      description: 'FILE:NAME of a Python function that is called with a dict',
      examples: ['train.py:train'],
    }),
  command: z
    .array(z.string())
    .optional()
    .meta({
      description: 'a program and its arguments; {name} stands for a parameter',
      examples: [['python3', 'train.py', '--lr', '{learning_rate}']],
    }),
  files: z
    .array(z.string())
    .default([])
    .meta({
      description: 'files and directories that a trial needs, relative to the study file',
      examples: [['train.py']],
    }),
  python: z
    .string()
    .min(1)
    .default('python3')
    .meta({ examples: ['.venv/bin/python'] }),
  env: z
    .record(z.string(), z.string().meta({ description: 'text (numbers in quotes)' }))
    .default({})
    .meta({ description: 'environment variables', examples: [{ OMP_NUM_THREADS: '1' }] }),
  timeout: z
    .union([z.number(), z.string()])
    .optional()
    .meta({ description: 'a duration or a number of seconds', examples: ['10m'] }),
  retries: z
    .int()
    .min(0)
    .max(100)
    .default(2)
    .meta({ examples: [2] }),
  resume: z
    .boolean()
    .default(false)
    .meta({ description: 'go on from the checkpoint when the walltime ended it', examples: [true] }),
  max_resumes: z
    .int()
    .min(0)
    .max(10_000)
    .default(10)
    .meta({ description: 'how often, at most', examples: [10] }),
  nodes: z
    .int()
    .min(1)
    .max(100_000)
    .default(1)
    .meta({ description: 'whole nodes of one trial', examples: [2] }),
  ranks_per_node: z
    .int()
    .min(1)
    .max(100_000)
    .nullable()
    .default(null)
    .meta({ description: 'processes on each node, by mpiexec', examples: [12] }),
});

const script = z
  .string()
  .refine((text) => text.trim() !== '', 'there is nothing in it')
  .refine((text) => !text.includes('\0'), 'there is a zero byte in it')
  .meta({ examples: ['make'] });

const commands = z.union([script, z.array(script).min(1)]);

/** What holds where `prepare` is given in its short form. */
export const prepareDefaults = { in: 'login', timeout: '1h' } as const;

/** What is run once at a site before its first trial. */
export const prepareSchema = z
  .union([
    ...commands.options,
    z.strictObject({
      run: commands.meta({
        description: 'a script, or a list of commands',
        examples: [['pip install -r requirements.txt']],
      }),
      in: z
        .enum(['login', 'job'])
        .default(prepareDefaults.in)
        .meta({ description: 'on the login node, or in a job', examples: ['login'] }),
      timeout: duration
        .default(prepareDefaults.timeout)
        .meta({ description: 'a duration', examples: ['1h'] }),
    }),
  ])
  .meta({
    description: 'a script, a list of commands, or {run, in, timeout}',
    examples: [['./fetch-data.sh']],
  });
