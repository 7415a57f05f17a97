export { createSsh2Transport } from './transport';
export type { Ssh2Options } from './options';
