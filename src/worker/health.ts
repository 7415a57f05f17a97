import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import { handleErrors } from '../process/handle-errors';
import { PerdureError } from '../study/error';

/** Answers `GET /health` with 200 while the worker polls and 503 otherwise, on loopback unless `host` says more. */
export async function serveHealth(
  port: number,
  host: string,
  states: () => readonly string[],
): Promise<Server> {
  const server = handleErrors(
    createServer((request, response) => {
      if (request.url !== '/health') {
        response.writeHead(404).end();
        return;
      }
      const all = states();
      const ready = all.length > 0 && all.every((state) => state === 'RUNNING');
      response.writeHead(ready ? 200 : 503, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ ready, workers: all }));
    }),
  );
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (cause) {
    throw new PerdureError('Unavailable', `port ${String(port)} for the worker's health can't be used`, {
      hint: 'choose another one with --health-port',
      cause,
    });
  }
  return server;
}
