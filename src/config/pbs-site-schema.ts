import { z } from 'zod';
import { parseWalltime } from './duration';
import { duration, durationFrom } from './duration-schema';
import { accountText, directiveText, filesystemsText, queueText, selectText } from './pbs-text';
import { sitePath, transport, workerInit } from './transport-schema';

const blocks = z.strictObject({
  slots_per_node: z
    .int()
    .min(1)
    .max(1000)
    .meta({ description: 'trials at once on one node', examples: [12] }),
  min_blocks: z
    .int()
    .min(0)
    .default(0)
    .meta({ description: 'kept while a study runs, work or not', examples: [0] }),
  max_blocks: z
    .int()
    .min(1)
    .default(1)
    .meta({ description: 'queued or running at once', examples: [1] }),
  idle_timeout: duration
    .default('5m')
    .meta({ description: 'a block without work ends after this', examples: ['5m'] }),
  pin: z
    .enum(['none', 'cores', 'cuda', 'aurora_tiles'])
    .default('none')
    .meta({ description: 'what each trial has for itself', examples: ['aurora_tiles'] }),
});

/** A site whose jobs go through PBS. */
export const pbsSite = z.strictObject({
  scheduler: z.literal('pbs'),
  transport: transport.meta({
    description: 'how to get to a login node',
    examples: [{ type: 'ssh2', host: 'aurora.alcf.anl.gov', user: 'me' }],
  }),
  working_dir: sitePath.optional().meta({
    description: 'absolute, at the site, on a file system that compute nodes see; default: working_dirs.pbs',
    examples: ['/lus/flare/projects/X/perdure'],
  }),
  account: accountText
    .nullish()
    .meta({ description: 'the project that pays (qsub -A)', examples: ['MyProject'] }),
  queue: queueText.nullish().meta({ examples: ['debug'] }),
  walltime: z
    .union([z.number(), z.string()])
    .refine((value) => parseWalltime(value) !== undefined, 'not a walltime above 0')
    .nullish()
    .meta({ description: 'HH:MM:SS, a duration or a number of seconds', examples: ['01:00:00'] }),
  select: z
    .union([z.int().min(1), selectText])
    .nullish()
    .meta({ description: "nodes, or the text of PBS's 'select'", examples: ['1'] }),
  filesystems: filesystemsText
    .nullish()
    .meta({ description: 'the resource of that name', examples: ['home:flare'] }),
  directives: z
    .array(directiveText)
    .default([])
    .meta({ description: 'more options of qsub, verbatim', examples: [['-l place=scatter']] }),
  worker_init: workerInit,
  poll_interval: durationFrom(1)
    .default('60s')
    .meta({ description: 'how often the queue is asked, 1 s at least', examples: ['60s'] }),
  max_jobs: z
    .int()
    .min(1)
    .nullable()
    .default(null)
    .meta({ description: 'queued or running at once', examples: [1] }),
  blocks: blocks.nullish().meta({
    description: 'many trials in one job; without it, one trial, one job',
    examples: [{ slots_per_node: 12, pin: 'aurora_tiles' }],
  }),
  pbs_bin: sitePath.nullish().meta({
    description: 'where qsub is, at the site; default: asked of a login shell',
    examples: ['/opt/pbs/bin'],
  }),
});

/** What a settings file says of a PBS site. */
export type PbsSiteFile = z.output<typeof pbsSite>;
