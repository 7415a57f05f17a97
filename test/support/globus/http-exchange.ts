import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { once } from 'node:events';

/** A request as it came. */
export interface Asked {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Buffer;
}

/** `null`: the connection is broken instead of an answer. */
export type Answer = {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Text is sent as HTML, all else as JSON. */
  readonly body?: unknown;
} | null;

/**
 * An HTTP server on loopback. It also answers as a proxy for plain HTTP, whatever host is asked for: so a program with a fixed
 * address, as the Python SDK's `http://localhost:5000`, comes here through `http_proxy`.
 */
export async function serve(
  handle: (asked: Asked) => Promise<Answer>,
): Promise<{ server: Server; url: string }> {
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const given = await handle({
      method: request.method ?? 'GET',
      url: new URL(request.url ?? '/', 'http://localhost'),
      headers: request.headers,
      body: Buffer.concat(parts),
    });
    if (given === null) {
      request.socket.destroy();
      return;
    }
    const { status, headers = {}, body } = given;
    const html = typeof body === 'string';
    const text = body === undefined ? '' : html ? body : JSON.stringify(body);
    response.writeHead(status, { 'content-type': html ? 'text/html' : 'application/json', ...headers });
    response.end(text);
  };
  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      // A client that went away, or a mistake of the bench, which its test has to see.
      if (response.destroyed) return;
      response.writeHead(500).end(`the bench itself failed: ${String(error)}`);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { server, url: `http://127.0.0.1:${String(address.port)}` };
}
