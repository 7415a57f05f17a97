import type { ChildProcess } from 'node:child_process';
import type { EventEmitter } from 'node:events';

/**
 * Adds an `error` listener to an emitter and, for a child process, to its standard streams. Node ends the whole process at an
 * `error` event that has no listener. The lint rule `perdure/handle-errors` asks for this function where an emitter is made.
 * @param onError called with each error of the emitter itself; without it, errors are ignored because the emitter's end tells enough.
 * Errors of a child's streams are always ignored: a program may end without reading its input, and its exit is reported anyway.
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
 * Keeps this process alive when its output can't be written, as on a full disk or to a closed pipe. For every program's entry point.
 * @param onError called with each error of standard output; without it, errors are ignored
 */
export function handleOutputErrors(onError?: (error: NodeJS.ErrnoException) => void): void {
  handleErrors(process.stdout, onError);
  handleErrors(process.stderr);
}

function isChild(emitter: EventEmitter): emitter is ChildProcess {
  return 'stdio' in emitter && Array.isArray(emitter.stdio);
}
