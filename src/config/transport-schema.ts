import { z } from 'zod';

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
export const localPath = z
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

/** How to get to a site's login node. */
export const transport = z.discriminatedUnion('type', [
  ssh2,
  openssh,
  z.strictObject({ type: z.literal('local') }),
]);

/** Shell text. */
export const workerInit = z
  .string()
  .refine((text) => !text.includes('\0'), 'there is a zero byte in it')
  .default('')
  .meta({ description: 'shell, before each trial', examples: ['module load frameworks'] });

/** What a settings file says of a way to a site. */
export type TransportFile = z.output<typeof transport>;
