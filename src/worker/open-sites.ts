import type { Settings, SiteSettings, TransportSettings } from '../config/settings';
import { createGlobusScheduler } from '../schedulers/globus';
import { openGlobusLogin } from '../schedulers/globus/login';
import { createLocalScheduler } from '../schedulers/local';
import { createPbsScheduler } from '../schedulers/pbs';
import type { Scheduler } from '../schedulers/scheduler';
import type { Ledger } from '../storage/ledger';
import { createLocalTransport } from '../transports/local';
import { createOpensshTransport } from '../transports/openssh';
import { createSsh2Transport } from '../transports/ssh2';
import type { InteractiveTransport, Transport } from '../transports/transport';

/** A site as a worker has it. */
export interface OpenSite {
  readonly scheduler: Scheduler;
  /** Its jobs run on the worker's own host. */
  readonly bound: boolean;
  /** The way to it, where a person may have to log in. */
  readonly interactive: InteractiveTransport | null;
}

/** Opens every site of the settings; nothing is connected yet. */
export function openSites(
  { sites, home }: Settings,
  ledger: Pick<Ledger, 'globus'>,
): ReadonlyMap<string, OpenSite> {
  return new Map(Object.entries(sites).map(([name, site]) => [name, openSite(name, site, home, ledger)]));
}

function openSite(
  name: string,
  site: SiteSettings,
  home: string,
  { globus }: Pick<Ledger, 'globus'>,
): OpenSite {
  switch (site.scheduler) {
    case 'local': {
      const { workingDir, slots } = site;
      return {
        scheduler: createLocalScheduler({ site: name, workingDir, slots }),
        bound: true,
        interactive: null,
      };
    }
    case 'pbs': {
      const transport = openTransport(site.transport);
      const interactive = 'login' in transport ? (transport as InteractiveTransport) : null;
      return { scheduler: createPbsScheduler({ site: name, ...site }, transport), bound: false, interactive };
    }
    case 'globus_compute': {
      const transport = site.transport === null ? null : openTransport(site.transport);
      const interactive =
        transport !== null && 'login' in transport ? (transport as InteractiveTransport) : null;
      const { authorization } = openGlobusLogin({ site: name, home, auth: site.auth });
      const scheduler = createGlobusScheduler({
        site: { site: name, ...site },
        authorization,
        journal: globus,
        transport,
      });
      return { scheduler, bound: false, interactive };
    }
  }
}

function openTransport(settings: TransportSettings): Transport {
  switch (settings.type) {
    case 'local':
      return createLocalTransport();
    case 'openssh':
      return createOpensshTransport(settings);
    case 'ssh2':
      return createSsh2Transport(settings);
  }
}
