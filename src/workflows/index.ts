export { study } from './study';
export { trial } from './trial';
