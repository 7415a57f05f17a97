import type { ChildProcess } from 'node:child_process';
import type { EventEmitter } from 'node:events';

/**
 * Adds an `error` listener to an emitter and, for a child process, to its standard streams. Without a listener, an `error` event
 * ends the whole process. The lint rule `perdure/handle-errors` requires this function wherever an emitter is created.
 * @param onError called with each error of the emitter itself. Without it, errors are ignored: the emitter's `close` or `exit` event
 * is enough. Errors of a child's streams are always ignored: a program may end without reading its input, and its exit is reported.
 */
export function handleErrors<T extends EventEmitter>(
  emitter: T,
  onError: (error: Error) => void = () => undefined,
): T {
  emitter.on('error', onError);
  if (isChild(emitter)) for (const stream of emitter.stdio) stream?.on('error', () => undefined);
  return emitter;
}

/**
 * Keeps this process alive when its output can't be written, for example to a full disk or a closed pipe. Call it at the start of
 * every program.
 * @param onError called with each error of standard output; without it, errors are ignored
 */
export function handleOutputErrors(onError?: (error: NodeJS.ErrnoException) => void): void {
  handleErrors(process.stdout, onError);
  handleErrors(process.stderr);
}

function isChild(emitter: EventEmitter): emitter is ChildProcess {
  return 'stdio' in emitter && Array.isArray(emitter.stdio);
}
