import { runChild, streamChild, type Program } from './child';
import { getFile, listDirectory, putFile } from './shell-files';
import type { Transport } from './transport';

/**
 * Where this machine is the login node. A command is ended with its whole process group at its deadline; what it moved to a group
 * of its own lives on.
 */
export function createLocalTransport(): Transport {
  const description = 'this machine';
  const closing = new AbortController();
  const shell = (command: string): Program => ({
    file: '/bin/sh',
    args: ['-c', command],
    where: description,
  });
  const transport: Transport = {
    description,
    run: (command, options) => runChild(shell(command), options, closing.signal),
    stream: async (command, options) => {
      await streamChild(shell(command), {
        ...options,
        signal: AbortSignal.any([options.signal, closing.signal]),
      });
    },
    put: (path, bytes, options) => putFile(transport, path, bytes, options),
    get: (path, options) => getFile(transport, path, options),
    list: (path, options) => listDirectory(transport, path, options),
    close() {
      closing.abort();
      return Promise.resolve();
    },
  };
  return transport;
}
