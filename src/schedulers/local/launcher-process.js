'use strict';
/*
 * Starts processes for a worker. A fork copies the page tables of its process: ten milliseconds in a worker of several
 * hundred megabytes, one here. Ends with the worker; what it has started is detached and goes on.
 */
const { spawn } = require('node:child_process');

/** @param {object} message */
function tell(message) {
  // The worker may be gone by now; then nobody has to know.
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
}

/** @typedef {{ id: number, command: string, args: string[], argv0: string, cwd: string, env: Record<string, string> }} Start */

process.on('message', (/** @type {Start} */ { id, command, args, argv0, cwd, env }) => {
  /** @param {unknown} error */
  const failed = (error) => {
    const { code, message } = /** @type {NodeJS.ErrnoException} */ (error);
    tell({ id, kind: 'failed', code, message });
  };
  try {
    const child = spawn(command, args, { argv0, cwd, env, detached: true, stdio: 'ignore' });
    child.once('spawn', () => tell({ id, kind: 'started' }));
    child.once('error', failed);
    child.once('exit', () => tell({ id, kind: 'ended' }));
  } catch (error) {
    failed(error);
  }
});
// A warning that can't be written, for example to a full disk, must not end this process.
process.stderr.on('error', () => undefined);
process.on('disconnect', () => process.exit(0));
// Ctrl-C reaches the whole foreground group; the worker decides when this ends.
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']))
  process.on(signal, () => undefined);
