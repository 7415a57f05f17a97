/** Task queue of the workflows and of the study's own activities. */
export const STUDY_QUEUE = 'perdure';

/**
 * How long a workflow task may take, for every workflow that is started. A replay is one task: with Temporal's default of 10 s it
 * may never end on a busy machine.
 */
export const WORKFLOW_TASK_TIMEOUT = '60s';

/** Task queue that any worker of a site polls. */
export function siteQueue(site: string): string {
  return `perdure/site/${site}`;
}

/** Task queue of the worker on one host, for jobs that are bound to it. */
export function siteHostQueue(site: string, host: string): string {
  return `perdure/site/${site}@${host}`;
}
