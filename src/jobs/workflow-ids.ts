/**
 * Names of batches and of jobs in them: letters, digits, `.`, `_` and `-`, the first no sign, so that they are safe in workflow
 * ids, paths and shells, and `BATCH/JOB` names one job of a batch.
 */
export const jobNameForm = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

/**
 * Workflow ids that are no study's: those of jobs by their first part; those of another study's trials (`NAME/5`) and of the
 * rounds of its agents (`NAME/agent/5`) by their last.
 */
export const reservedForms = /^(job|batch|diagnose)(\/|$)|\/(\d+|agent)$/;

const prefixes = { job: 'perdure/job', batch: 'perdure/batch', diagnosis: 'perdure/diagnose' } as const;

/** Workflow id of a batch. */
export function batchWorkflowId(kind: keyof typeof prefixes, name: string): string {
  return `${prefixes[kind]}/${name}`;
}
