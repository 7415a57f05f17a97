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
  return textOf(answer, 'log')
    .split('\n')
    .filter((line) => line !== '')
    .map(withoutPasswords);
}

/** Addresses of queues bear one. */
function withoutPasswords(line: string): string {
  return line.replace(/\/\/[^\s/@]+@/g, '//…@');
}
