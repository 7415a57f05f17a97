import { setTimeout as sleep } from 'node:timers/promises';
import { PerdureError } from '../study/error';

/** How often a status is looked at (milliseconds). */
const glance = 500;

/** How something is watched. */
export interface Watching {
  /** Ends the watching. */
  readonly signal?: AbortSignal | undefined;
  /** Told why there is no status now, once for each outage. */
  readonly onOutage?: ((error: PerdureError) => void) | undefined;
}

/** A status at once and after each change, until it is the last one. Connections may be lost meanwhile. */
export async function* watchStatus<Status>(
  read: () => Promise<Status>,
  isLast: (status: Status) => boolean,
  { signal, onOutage }: Watching = {},
): AsyncGenerator<Status> {
  let before = '';
  while (signal?.aborted !== true) {
    const status = await read().catch((error: unknown) => {
      if (!(error instanceof PerdureError && error.kind === 'Unavailable')) throw error;
      if (before !== 'outage') onOutage?.(error);
      before = 'outage';
      return null;
    });
    if (status !== null) {
      const text = JSON.stringify(status);
      if (text !== before) yield status;
      before = text;
      if (isLast(status)) return;
    }
    await sleep(glance, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
  }
}
