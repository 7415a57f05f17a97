import type { Settings } from '../config/settings';
import { askAnyWorker } from '../control/any-worker';
import type { Ledger } from '../storage/ledger';
import { combined, heardOf } from '../study/combined-health';
import { PerdureError } from '../study/error';
import type { SiteHealth } from '../study/site-health';

/** A site as `perdure sites` shows it. */
export interface SiteState {
  readonly site: string;
  readonly scheduler: string;
  /** `unknown`: no worker told of it. */
  readonly state: SiteHealth['state'] | 'unknown';
  readonly reason: string;
  readonly since: string | null;
  readonly free: number | null;
  readonly queued: number | null;
  readonly running: number | null;
  /** When its endpoint gave its last sign of life; `null`: nobody says, or it has none. */
  readonly heard: string | null;
  readonly log: readonly string[];
}

/** Each site of the settings: as a worker of this machine sees it now, else as other workers last reported it. @param ledger `null`: there is none yet */
export async function siteStates(settings: Settings, ledger: Ledger | null): Promise<readonly SiteState[]> {
  return Promise.all(
    Object.keys(settings.sites).map((site) => siteState(settings, ledger, site, { log: true })),
  );
}

/** One of them. `log`: with the last lines of its own log; `signal` ends the asking. */
export async function siteState(
  settings: Settings,
  ledger: Ledger | null,
  site: string,
  { log = false, signal }: { readonly log?: boolean; readonly signal?: AbortSignal } = {},
): Promise<SiteState> {
  const scheduler = settings.sites[site]?.scheduler ?? '';
  const asked = await ask(settings, site, log, signal);
  if (!('problem' in asked)) return stateOf(site, scheduler, asked);
  const health = combined(null, heardOf(site, ledger === null ? [] : await ledger.readSites()));
  return health === null ? unknown(site, scheduler, asked.problem) : stateOf(site, scheduler, health);
}

async function ask(
  settings: Settings,
  site: string,
  log: boolean,
  signal: AbortSignal | undefined,
): Promise<SiteHealth | { readonly problem: string }> {
  try {
    return await askAnyWorker<'health'>(
      settings.home,
      { do: 'health', site, ...(log ? { log } : {}) },
      signal,
    );
  } catch (error) {
    if (!(error instanceof PerdureError)) throw error;
    return { problem: error.text };
  }
}

function stateOf(site: string, scheduler: string, health: SiteHealth): SiteState {
  const { state, reason, since, free, queued, running, heardAt: heard = null, log = [] } = health;
  return { site, scheduler, state, reason, since, free, queued, running, heard, log };
}

function unknown(site: string, scheduler: string, reason: string): SiteState {
  const nothing = { since: null, free: null, queued: null, running: null, heard: null, log: [] };
  return { site, scheduler, state: 'unknown', reason, ...nothing };
}
