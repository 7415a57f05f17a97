import { z } from 'zod';
import { globusBlock, globusSite, taskPath } from './globus-site-schema';
import { pbsSite } from './pbs-site-schema';
import { sitePath } from './transport-schema';
import { variableName } from './variable-schema';

const local = z.strictObject({
  scheduler: z.literal('local'),
  slots: z
    .int()
    .min(1)
    .max(10_000)
    .optional()
    .meta({ description: 'trials at once on one host; default: its processors', examples: [4] }),
  working_dir: z
    .string()
    .min(1)
    .optional()
    .meta({ description: 'each attempt gets a directory below it', examples: ['/scratch/perdure'] }),
});

/** A settings file, `perdure.yaml`. */
export const settingsSchema = z
  .strictObject({
    storage: z
      .string()
      .min(1)
      .optional()
      .meta({
        description: 'where the ledger is, as Optuna writes it; ${NAME} is taken from the environment',
        examples: ['sqlite:////home/me/ledger.db'],
      }),
    temporal: z
      .strictObject({
        address: z
          .string()
          .min(1)
          .optional()
          .meta({ description: 'HOST:PORT', examples: ['127.0.0.1:7233'] }),
        namespace: z
          .string()
          .min(1)
          .optional()
          .meta({ examples: ['default'] }),
        profile: z
          .string()
          .min(1)
          .optional()
          .meta({ description: 'a profile of temporal.toml', examples: ['default'] }),
        encryption_key_env: variableName.optional().meta({
          description: 'the variable with the key that encrypts what is in histories',
          examples: ['PERDURE_ENCRYPTION_KEY'],
        }),
      })
      .nullish()
      .meta({
        description: 'a server of your own; default: the embedded one',
        examples: [{ address: '127.0.0.1:7233' }],
      }),
    working_dirs: z
      .strictObject({
        pbs: sitePath.nullish().meta({ examples: ['/lus/flare/projects/X/perdure'] }),
        globus_compute: taskPath.nullish().meta({ examples: ['/lus/flare/projects/X/perdure'] }),
      })
      .nullish()
      .meta({
        description: 'working_dir of the sites that have none of their own, by scheduler',
        examples: [{ pbs: '/lus/flare/projects/X/perdure' }],
      }),
    sites: z
      .record(
        z.string(),
        z
          .discriminatedUnion('scheduler', [local, pbsSite, globusSite])
          .meta({ examples: [{ scheduler: 'local', slots: 4 }] }),
      )
      .nullish()
      .meta({
        description: 'where jobs run, by name',
        examples: [{ local: { scheduler: 'local', slots: 4 } }],
      }),
    globus_compute: globusBlock.nullish().meta({
      description: "the site 'globus_compute', which studies that name no sites prefer",
      examples: [{ enabled: true, endpoint_id: '4b116d3c-1703-4f8f-9f6f-39921e5864df' }],
    }),
  })
  .meta({ title: 'Settings of Perdure' });

/** What a settings file says. */
export type SettingsFile = z.output<typeof settingsSchema>;
