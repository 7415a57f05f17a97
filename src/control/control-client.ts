import { readdirSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { handleErrors } from '../process/handle-errors';
import { PerdureError, type ErrorKind } from '../study/error';
import type { AskPerson } from './control-server';
import { socketDirectory, type ControlReply, type ControlRequest } from './protocol';

/** The workers of a state directory that run on this machine now, as open connections. */
export async function connectWorkers(home: string): Promise<readonly Socket[]> {
  const directory = socketDirectory(home);
  const connected = await Promise.all(socketsIn(directory).map((name) => connect(join(directory, name))));
  return connected.filter((socket) => socket !== null);
}

function socketsIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory).filter((name) => name.endsWith('.sock'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** `null` where the worker has been killed and left its socket. */
function connect(path: string): Promise<Socket | null> {
  return new Promise((done) => {
    const socket = handleErrors(createConnection(path), () => {
      done(null);
    });
    socket.once('connect', () => {
      done(socket);
    });
  });
}

/**
 * Makes a request of one worker and waits for its end.
 * @throws {@link PerdureError} of the kind that the worker says
 */
export async function requestOf(socket: Socket, request: ControlRequest, ask: AskPerson): Promise<string> {
  if (socket.destroyed) throw ended();
  const lines = createInterface({ input: socket });
  // Of a connection that this side cuts no end comes.
  socket.once('close', () => {
    lines.close();
  });
  try {
    socket.write(`${JSON.stringify(request)}\n`);
    for await (const line of lines) {
      const reply = JSON.parse(line) as ControlReply;
      switch (reply.is) {
        case 'ask':
          socket.write(`${JSON.stringify({ answers: await ask(reply) })}\n`);
          break;
        case 'done':
          return reply.text;
        case 'failed':
          throw new PerdureError(reply.kind as ErrorKind, reply.text);
      }
    }
  } finally {
    socket.destroy();
  }
  throw ended();
}

function ended(): PerdureError {
  return new PerdureError('Unavailable', 'the worker ended before it answered', { hint: 'perdure up' });
}
