export type { GlobusAuthorization, GlobusChallenge } from './authorization';
export { createGlobusScheduler, type GlobusParts } from './globus-scheduler';
export { usualPatience, type GlobusSite, type Patience } from './globus-site';
export type { AttemptRecord, GlobusJournal, TaskRecord } from './journal';
