import type { Command } from 'commander';
import { connectWorkers, requestOf } from '../../control/control-client';
import { PerdureError } from '../../study/error';
import { askPerson } from '../secret-prompt';
import { say } from '../terminal';
import { settingsOf } from '../with-session';

export function addLogin(root: Command): void {
  root
    .command('login')
    .description('log in to a site that asks for a passcode, a password or a passphrase')
    .argument('<site>')
    .action(async (site: string, _options: object, command: Command) => {
      const { home, sites } = await settingsOf(command);
      if (sites[site] === undefined) {
        throw new PerdureError('NotFound', `the settings have no site '${site}'`, {
          hint: `they have: ${Object.keys(sites).join(', ')}`,
        });
      }
      const workers = await connectWorkers(home);
      if (workers.length === 0) {
        throw new PerdureError('Unavailable', 'no worker runs on this machine', {
          hint: 'start one: perdure up',
        });
      }
      for (const worker of workers) say(await requestOf(worker, { do: 'login', site }, askPerson));
    });
}
