export { createLocalScheduler, type LocalSite } from './local-scheduler';
