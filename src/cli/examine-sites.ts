import { askAnyWorker } from '../control/any-worker';
import type { Settings } from '../config/settings';
import { openLedgerToRead } from '../storage';
import { withCleanUp } from '../study/clean-up';
import { PerdureError } from '../study/error';
import type { NeededStudy, SiteFinding } from '../study/site-upkeep';
import { neededStudies } from './needed-studies';

/** Looks at the sites that a worker has the way to. */
export async function* examineSites(settings: Settings): AsyncGenerator<SiteFinding> {
  const far = Object.entries(settings.sites).filter(([, { scheduler }]) => scheduler !== 'local');
  if (far.length === 0) return;
  const needed = await readNeeded(settings);
  // Without the ledger nobody can tell whose jobs those are; that it does not answer has been said.
  if (needed === null) return;
  for (const [site] of far) yield* examineSite(settings, site, needed);
}

async function* examineSite(
  settings: Settings,
  site: string,
  needed: readonly NeededStudy[],
): AsyncGenerator<SiteFinding> {
  try {
    yield* await askAnyWorker<'examine'>(settings.home, { do: 'examine', site, needed });
  } catch (error) {
    if (!(error instanceof PerdureError)) throw error;
    // The worker's words end with what to do, on lines of their own.
    const [found = '', ...rest] = error.message.split('\n');
    const hint = rest.length > 0 ? rest.join('\n').trim() : error.hint;
    const told = error.kind === 'LoginRequired' ? `login needed: ${found}` : found;
    yield { what: `site ${site}`, ok: false, found: told, ...(hint === undefined ? {} : { hint }) };
  }
}

async function readNeeded({ storage }: Settings): Promise<readonly NeededStudy[] | null> {
  try {
    const ledger = await openLedgerToRead(storage);
    if (ledger === null) return [];
    return await withCleanUp(
      () => neededStudies(ledger),
      () => ledger.close(),
    );
  } catch (error) {
    if (error instanceof PerdureError) return null;
    throw error;
  }
}
