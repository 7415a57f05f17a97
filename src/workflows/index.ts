export { agent } from './agent';
export { batch, job } from './batch';
export { diagnosis } from './diagnosis';
export { study } from './study';
export { trial } from './trial';
