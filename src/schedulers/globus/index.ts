export type { GlobusAuthorization, GlobusChallenge } from './authorization';
export { endpointSchema } from './endpoint-schema';
export { createGlobusScheduler, type GlobusParts } from './globus-scheduler';
export { usualPatience, type GlobusSite, type Patience } from './globus-site';
export type { AttemptRecord, GlobusJournal, TaskRecord } from './journal';
