import { connect as connectSocket, type Socket } from 'node:net';
import { type AuthHandlerMiddleware, Client } from 'ssh2';
import { handleErrors } from '../../process/handle-errors';
import { PerdureError } from '../../study/error';
import type { Ask } from '../transport';
import { Authentication } from './authentication';
import { Connection } from './connection';
import { readCredentials } from './credentials';
import { hostKeyAlgorithms, hostKeyProblem, readKnownHosts } from './host-key';
import type { Ssh2Options } from './options';

/** A person looks for a token and types; the server may be less patient (LoginGraceTime, 2 min by default). */
const typingMs = 5 * 60_000;
/** Keepalives without an answer after which the connection is dead. */
const keepaliveCountMax = 3;

/**
 * Makes a connection: one attempt, with each step bounded, a person's typing apart from the network's.
 * @param ask `null`: without a person; then only keys are shown
 * @throws {@link PerdureError} `LoginRequired`: the server or its key needs a person's attention; `Unavailable`: the network failed
 */
export async function connect(
  options: Ssh2Options,
  ask: Ask | null,
  abort: AbortSignal,
): Promise<Connection> {
  const { host, port, user, connectTimeoutMs = 20_000, keepaliveSeconds = 30, maxChannels = 8 } = options;
  const about = `${user}@${host}`;
  const known = await readKnownHosts(options.knownHosts);
  const credentials = await readCredentials(options);
  abort.throwIfAborted();
  // These listeners ignore errors; the listeners below and the connection report them.
  const client = handleErrors(new Client());
  const socket = handleErrors(connectSocket({ host, port, noDelay: true }));
  const watch = new Watch(connectTimeoutMs);

  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  let hostKey: PerdureError | null = null;
  let credentialSent = false;
  const unavailable = (what: string, cause?: unknown): PerdureError =>
    new PerdureError('Unavailable', what, { where: `${host}:${String(port)}`, cause });
  const authentication = new Authentication({
    user,
    about,
    credentials,
    ask: ask && ((questions) => watch.typing(ask(questions))),
    abandon: () => {
      fail('');
    },
  });
  const fail = (what: string, cause?: unknown): void => {
    if (hostKey !== null) reject(hostKey);
    else if (authentication.refusal !== null)
      reject(new PerdureError('LoginRequired', authentication.refusal, { where: about, cause }));
    else reject(unavailable(what, cause));
  };
  watch.onLate = (what) => {
    fail(`no answer within ${String(connectTimeoutMs / 1000)} s: ${what}`);
  };
  const onError = (error: Error & { readonly level?: string; readonly code?: unknown }): void => {
    // An agent that fails, and a key that can't sign, are told here too; what comes next is the handler's to decide.
    if (error.level === 'agent') return;
    if (error.level === 'client-authentication' && authentication.refusal === null) return;
    // A number: the server's own farewell (RFC 4253, 11.1). After a credential it is a refusal.
    if (typeof error.code === 'number' && credentialSent)
      authentication.refusal ??= `the server ended the login: ${error.message}`;
    fail(`can't connect: ${error.message}`, error);
  };
  const onAbort = (): void => {
    reject(unavailable('the transport was closed'));
  };

  client
    .on('ready', () => {
      resolve(undefined);
    })
    .on('error', onError)
    .on('change password', () => {
      authentication.refusal = 'the password has expired: change it by an ssh of your own';
      fail('');
    })
    .on('close', () => {
      fail('the server closed the connection during the login');
    });
  abort.addEventListener('abort', onAbort, { once: true });

  const authHandler = (
    offered: Parameters<AuthHandlerMiddleware>[0] | null,
    partialSuccess: boolean | null,
    next: Parameters<AuthHandlerMiddleware>[2],
  ): void => {
    watch.step('the login');
    authentication.next(offered, partialSuccess === true).then((method) => {
      watch.step('the login');
      credentialSent = method !== null && method.type !== 'none';
      if (method === null) fail('');
      else next(method);
    }, reject);
  };
  try {
    watch.step('connecting');
    client.connect({
      sock: socket,
      username: user,
      // The first call has no list yet, which its type leaves out.
      authHandler: authHandler,
      hostVerifier: (key: Buffer): boolean => {
        hostKey = hostKeyProblem(known, { host, port }, key, options.knownHosts);
        return hostKey === null;
      },
      algorithms: { serverHostKey: hostKeyAlgorithms(known, { host, port }) },
      // It would count a person's typing.
      readyTimeout: 0,
      keepaliveInterval: keepaliveSeconds * 1000,
      keepaliveCountMax,
    });
    await promise;
    return new Connection(client, socket, about, authentication.neededPerson, maxChannels);
  } catch (error) {
    destroy(client, socket);
    throw error;
  } finally {
    watch.stop();
    abort.removeEventListener('abort', onAbort);
    client.off('error', onError);
  }
}

function destroy(client: Client, socket: Socket): void {
  client.destroy();
  socket.destroy();
}

/** Bounds each step of a login; while a person types, only the typing. */
class Watch {
  onLate: (what: string) => void = () => undefined;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly stepMs: number) {}

  step(what: string, ms = this.stepMs): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.onLate(what);
    }, ms);
  }

  async typing<T>(answer: Promise<T>): Promise<T> {
    this.step('nobody answered', typingMs);
    try {
      return await answer;
    } finally {
      this.step('the login');
    }
  }

  stop(): void {
    clearTimeout(this.timer);
    this.onLate = () => undefined;
  }
}
