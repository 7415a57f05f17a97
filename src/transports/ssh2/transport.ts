import { PerdureError } from '../../study/error';
import { Deadline } from '../deadline';
import { forLoginShell } from '../login-shell';
import { getFile, listDirectory, putFile } from '../shell-files';
import type { InteractiveTransport } from '../transport';
import { runInChannel, streamInChannel, type Turn } from './command';
import { connect } from './connect';
import { Keeper } from './keeper';
import type { Ssh2Options } from './options';

/** For the start of a streamed command, with the connection it may need. */
const streamStartMs = 60_000;

/**
 * A connection of this process' own, by the ssh2 library: one for all commands, opened by the first. It is made anew by itself
 * where keys alone were enough; where a person was needed, or the server refused, {@link InteractiveTransport.login} makes it.
 *
 * Where it ends: no `ssh_config`, no jump hosts, no certificates. For those there is the user's own master connection.
 */
export function createSsh2Transport(options: Ssh2Options): InteractiveTransport {
  const { user, host } = options;
  const description = `${user}@${host}`;
  const keeper = new Keeper(description, (ask, abort) => connect(options, ask, abort));

  const turnBefore = async (deadline: Deadline, signal?: AbortSignal): Promise<Turn> => {
    for (;;) {
      const connection = await keeper.get(deadline);
      const late = new AbortController();
      const timer = setTimeout(() => {
        late.abort();
      }, deadline.remainingMs);
      const signals = [connection.ended, late.signal, ...(signal === undefined ? [] : [signal])];
      const giveBack = await connection.turns.take(AbortSignal.any(signals));
      clearTimeout(timer);
      if (giveBack !== null) return { connection, giveBack };
      if (late.signal.aborted) throw deadline.error('all channels are in use', description);
      signal?.throwIfAborted();
      // The connection ended while this waited; nothing was done, so the next one will do.
    }
  };

  const transport: InteractiveTransport = {
    description,
    get loginRequired() {
      return keeper.loginRequired;
    },
    async run(command, runOptions) {
      const deadline = new Deadline(runOptions.timeoutMs);
      const turn = await turnBefore(deadline).catch((error: unknown) => {
        throw PerdureError.beforeAnything(error);
      });
      const result = await runInChannel(turn, forLoginShell(command), runOptions, deadline, description);
      keeper.worked();
      return result;
    },
    async stream(command, streamOptions) {
      const deadline = new Deadline(streamStartMs);
      const { signal } = streamOptions;
      let turn: Turn;
      try {
        turn = await turnBefore(deadline, signal);
      } catch (error) {
        if (signal.aborted) return;
        throw error;
      }
      await streamInChannel(turn, forLoginShell(command), streamOptions, deadline, description);
      keeper.worked();
    },
    put: (path, bytes, putOptions) => putFile(transport, path, bytes, putOptions),
    get: (path, getOptions) => getFile(transport, path, getOptions),
    list: (path, listOptions) => listDirectory(transport, path, listOptions),
    login: (ask) => keeper.login(ask),
    close() {
      keeper.close();
      return Promise.resolve();
    },
  };
  return transport;
}
