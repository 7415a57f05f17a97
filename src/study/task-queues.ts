/** Task queue of the workflows and of the study's own activities. */
export const STUDY_QUEUE = 'perdure';

/** How often a worker sends a heartbeat to Temporal (milliseconds). */
export const HEARTBEAT_INTERVAL_MS = 10_000;

/** Task queue that any worker of a site polls. */
export function siteQueue(site: string): string {
  return `perdure/site/${site}`;
}

/** Task queue of the worker on one host, for jobs that are bound to it. */
export function siteHostQueue(site: string, host: string): string {
  return `perdure/site/${site}@${host}`;
}
