import { z } from 'zod';
import { parseWalltime } from './duration';
import { duration, durationFrom } from './duration-schema';
import { accountText, directiveText, filesystemsText, queueText, selectText } from './pbs-text';

/** An absolute path at a site: nothing at this end can resolve it. */
export const sitePath = z
  .string()
  .refine(
    (path) => !path.startsWith('~'),
    "'~' is not known here; write the path in full, as `pwd` prints it there",
  )
  .refine((path) => path.startsWith('~') || path.startsWith('/'), 'a path at the site has to begin with /')
  .refine((path) => !/[\n\0]/.test(path), 'a path can not have a line break or a zero byte in it');

/** A path on this machine; `~` and what is relative to the settings file are resolved. */
const localPath = z
  .string()
  .min(1)
  .refine((path) => !/[\n\0]/.test(path), 'a path can not have a line break or a zero byte in it');

const noDash = 'a dash in front would be taken for an option of ssh';

const host = z
  .string()
  .refine((name) => !name.startsWith('-'), noDash)
  .refine(
    (name) => /^(-|[A-Za-z0-9_.:%-]+$)/.test(name),
    'write the name or address of a host, without user and port',
  );

const ssh2 = z.strictObject({
  type: z.literal('ssh2'),
  host: host.meta({ description: 'the login node', examples: ['aurora.alcf.anl.gov'] }),
  port: z
    .int()
    .min(1)
    .max(65_535)
    .default(22)
    .meta({ examples: [22] }),
  user: z
    .string()
    .refine((name) => !name.startsWith('-'), noDash)
    .refine((name) => /^[^\s\p{Cc}]+$/u.test(name), 'a user name has no spaces')
    .optional()
    .meta({ description: 'default: your name on this machine', examples: ['me'] }),
  identity_file: localPath
    .optional()
    .meta({ description: 'a private key, on this machine', examples: ['~/.ssh/id_ed25519'] }),
  known_hosts: localPath
    .default('~/.ssh/known_hosts')
    .meta({ description: 'the host keys that are trusted', examples: ['~/.ssh/known_hosts'] }),
  agent: z
    .boolean()
    .default(true)
    .meta({
      description: 'use the keys of the agent at SSH_AUTH_SOCK, where there is one',
      examples: [true],
    }),
});

const openssh = z.strictObject({
  type: z.literal('openssh'),
  host: z
    .string()
    .refine((name) => !name.startsWith('-'), noDash)
    .refine((name) => /^(-|[A-Za-z0-9_.:%@+-]+$)/.test(name), 'write the host as for ssh: HOST or USER@HOST')
    .meta({ description: 'as ssh knows it, a Host of ~/.ssh/config too', examples: ['aurora'] }),
  control_path: localPath.meta({
    description: "your own master's ControlPath",
    examples: ['~/.ssh/cm-%r@%h:%p'],
  }),
});

const transport = z.discriminatedUnion('type', [ssh2, openssh, z.strictObject({ type: z.literal('local') })]);

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
  worker_init: z
    .string()
    .refine((text) => !text.includes('\0'), 'there is a zero byte in it')
    .default('')
    .meta({ description: 'shell, before each trial', examples: ['module load frameworks'] }),
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
