import { withoutPasswords } from '../../study/plain-text';
import { textOf } from '../remote/site-answer';
import { words, type SiteShell } from '../remote/site-shell';

/**
 * The last lines of an endpoint's log, where it runs in the account that is reached.
 * @throws {@link PerdureError} `Unavailable`, `LoginRequired`
 */
export async function endpointLog(shell: SiteShell, endpointId: string): Promise<readonly string[]> {
  const [answer] = await shell.callAll([
    { lines: (number) => `endpoint_log ${words(number, endpointId)}`, timeoutMs: 10_000 },
  ]);
  if (answer === undefined) return [];
  // Addresses of queues bear passwords.
  return textOf(answer, 'log')
    .split('\n')
    .filter((line) => line !== '')
    .map(withoutPasswords);
}
