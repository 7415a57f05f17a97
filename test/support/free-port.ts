import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';

/**
 * A port of loopback that nobody listens at, below those that the system hands out by itself. A server that is killed in a test finds it
 * free again: no connection of another program gets it meanwhile, and no client that tries to reach it there reaches itself.
 */
export async function freePort(): Promise<number> {
  const [first = '32768'] = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').split(/\s/);
  const lowest = 10_000;
  for (;;) {
    const port = lowest + Math.floor(Math.random() * (Number(first) - lowest));
    const server = createServer().listen(port, '127.0.0.1');
    try {
      await once(server, 'listening');
      return port;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    } finally {
      if (server.listening) {
        server.close();
        await once(server, 'close');
      }
    }
  }
}
