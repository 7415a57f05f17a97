export { agent } from './agent';
export { study } from './study';
export { trial } from './trial';
