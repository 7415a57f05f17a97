import { z } from 'zod';
import { jobNameForm } from '../jobs/workflow-ids';
import { trialSchema } from './trial-schema';

/** What a job without a study is, in a program or in a line of a file. */
export const jobSchema = trialSchema.extend({
  job_id: z
    .string()
    .regex(jobNameForm, 'letters, digits, ., _ and -, 100 at most, the first a letter or a digit')
    .optional()
    .meta({ examples: ['train-1'] }),
  params: z
    .record(z.string(), z.json())
    .default({})
    .meta({ description: 'an object with a value for each name', examples: [{ lr: 0.01, batch: 32 }] }),
});

export type JobFile = z.output<typeof jobSchema>;
