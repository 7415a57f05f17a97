import type { Command } from 'commander';
import { connectWorkers, requestOf } from '../../control/control-client';
import { PerdureError } from '../../study/error';
import { siteLogin } from '../../worker/site-login';
import { namedSite } from '../named-site';
import { askPerson } from '../secret-prompt';
import { say } from '../terminal';
import { settingsOf } from '../with-session';

export function addLogin(root: Command): void {
  root
    .command('login')
    .description(
      'log in to a site: with Globus, or where SSH asks for a passcode, a password or a passphrase',
    )
    .argument('<site>')
    .action(async (name: string, _options: object, command: Command) => {
      const settings = await settingsOf(command);
      const site = namedSite(settings, name);
      if (site.scheduler === 'local')
        throw new PerdureError('InvalidInput', `site '${name}' is this machine, which wants no login`);
      const login = siteLogin(name, site, settings.home);
      if (login !== null) say(await login.logIn(askPerson));
      // The workers see that by themselves; but a connection of theirs they have to make.
      if (site.scheduler === 'globus_compute' && site.transport === null) return;
      await logInWorkers(settings.home, name);
    });
}

async function logInWorkers(home: string, site: string): Promise<void> {
  const workers = await connectWorkers(home);
  if (workers.length === 0) {
    throw new PerdureError('Unavailable', 'no worker runs on this machine', {
      hint: 'start one: perdure up',
    });
  }
  const others: PerdureError[] = [];
  for (const worker of workers) {
    try {
      say(await requestOf(worker, { do: 'login', site }, askPerson));
    } catch (error) {
      // Another one has the site.
      if (!(error instanceof PerdureError) || error.kind !== 'NotFound') throw error;
      others.push(error);
    }
  }
  const [nobody] = others;
  if (nobody !== undefined && others.length === workers.length) throw nobody;
}
