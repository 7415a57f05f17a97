import { mkdirSync, writeFileSync } from 'node:fs';
import { homeFiles } from '../../src/server/home';
import { freePort } from './free-port';

/**
 * Makes state directories whose server was there before a restart of the machine, all at the same free ports.
 * @returns its address
 */
export async function noteDeadServer(...homes: readonly string[]): Promise<string> {
  const [port, uiPort] = [await freePort(), await freePort()];
  const [address, ui] = [`127.0.0.1:${String(port)}`, `http://127.0.0.1:${String(uiPort)}`];
  const identity = { pid: 999_999_999, start: '0', boot: 'none' };
  for (const home of homes) {
    mkdirSync(home, { recursive: true, mode: 0o700 });
    writeFileSync(homeFiles(home).server, JSON.stringify({ identity, notes: { port, uiPort, address, ui } }));
  }
  return address;
}
