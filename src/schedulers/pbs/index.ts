export { createPbsScheduler } from './pbs-scheduler';
export type { Patience } from './patience';
export type { PbsSite } from './pbs-site';
