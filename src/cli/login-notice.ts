import { setTimeout as sleep } from 'node:timers/promises';
import type { Session } from '../client/session';
import { withCleanUp } from '../study/clean-up';
import { PerdureError } from '../study/error';
import { siteState } from './site-states';
import { say } from './terminal';

/** How often a site that something is waited for is asked (milliseconds). */
const interval = 2000;

/**
 * Waits for something at a site. Where the site needs a person's login meanwhile, that is said at once, with what to type; what waits
 * there goes on by itself after it.
 */
export async function sayingLogins<T>(
  session: Pick<Session, 'settings' | 'ledger'>,
  site: string,
  wait: () => Promise<T>,
): Promise<T> {
  const over = new AbortController();
  const watching = watchLogins(session, site, over.signal);
  return withCleanUp(
    wait,
    () => {
      over.abort();
    },
    () => watching,
  );
}

async function watchLogins(
  { settings, ledger }: Pick<Session, 'settings' | 'ledger'>,
  site: string,
  signal: AbortSignal,
): Promise<void> {
  let needed = false;
  while (!signal.aborted) {
    try {
      const { state, reason } = await siteState(settings, ledger, site, { signal });
      if (state === 'login' && !needed) say(`site '${site}' waits for your login: ${reason}`);
      if (state === 'ok' && needed) say(`site '${site}' can be used`);
      if (state !== 'unknown') needed = state === 'login';
    } catch (error) {
      // Who waits hears of that in another way.
      if (!(error instanceof PerdureError)) throw error;
    }
    await sleep(interval, undefined, { signal }).catch(() => undefined);
  }
}
