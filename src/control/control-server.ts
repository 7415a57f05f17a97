import { chmodSync, lstatSync, mkdirSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { handleErrors } from '../process/handle-errors';
import { messageOf, PerdureError } from '../study/error';
import { socketDirectory, type ControlAnswers, type ControlReply, type ControlRequest } from './protocol';

/** Asks the person at the other end. @returns `null` where the person gave up or is gone */
export type AskPerson = (
  question: Omit<Extract<ControlReply, { is: 'ask' }>, 'is'>,
) => Promise<readonly string[] | null>;

/** Carries a request out. @returns what to say at its end */
export type Carry = (request: ControlRequest, ask: AskPerson) => Promise<string>;

/**
 * Takes requests of the command line at a socket of this worker's own, in a directory that nobody else can enter.
 * @returns what ends it
 */
export async function serveControl(home: string, carry: Carry): Promise<() => Promise<void>> {
  const directory = socketDirectory(home);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const info = lstatSync(directory);
  if (!info.isDirectory() || info.uid !== userInfo().uid) {
    throw new PerdureError('Unavailable', 'this directory belongs to somebody else', {
      where: directory,
      hint: 'remove it, or set PERDURE_HOME to a shorter path',
    });
  }
  chmodSync(directory, 0o700);
  const path = join(directory, `${String(process.pid)}.sock`);
  rmSync(path, { force: true });
  const sockets = new Set<Socket>();
  // A connection that could not be accepted is tried again by the client.
  const server = handleErrors(
    createServer((socket) => {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
      handleErrors(socket, () => socket.destroy());
      void converse(socket, carry);
    }),
  );
  await listen(server, path);
  chmodSync(path, 0o600);
  return async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((done) => server.close(done));
    rmSync(path, { force: true });
  };
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((done, failed) => {
    server.once('error', failed);
    server.listen(path, () => {
      done();
    });
  });
}

async function converse(socket: Socket, carry: Carry): Promise<void> {
  const lines = createInterface({ input: socket })[Symbol.asyncIterator]();
  const reply = (message: ControlReply): void => {
    if (!socket.destroyed) socket.write(`${JSON.stringify(message)}\n`);
  };
  const next = async (): Promise<unknown> => {
    const line = await lines.next();
    return line.done === true ? null : (JSON.parse(line.value) as unknown);
  };
  try {
    const request = (await next()) as ControlRequest | null;
    if (request === null) return;
    const text = await carry(request, async (question) => {
      reply({ is: 'ask', ...question });
      const answered = (await next()) as ControlAnswers | null;
      return answered?.answers ?? null;
    });
    reply({ is: 'done', text });
  } catch (error) {
    const known = error instanceof PerdureError;
    reply({
      is: 'failed',
      kind: known ? error.kind : 'Unavailable',
      text: known ? error.text : `the worker made a mistake: ${messageOf(error)}`,
    });
  } finally {
    socket.end();
  }
}
