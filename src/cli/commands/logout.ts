import type { Command } from 'commander';
import { PerdureError } from '../../study/error';
import { siteLogin } from '../../worker/site-login';
import { namedSite } from '../named-site';
import { say } from '../terminal';
import { settingsOf } from '../with-session';

export function addLogout(root: Command): void {
  root
    .command('logout')
    .description('end the login with Globus on this machine: its tokens are revoked and removed')
    .argument('<site>')
    .action(async (name: string, _options: object, command: Command) => {
      const settings = await settingsOf(command);
      const login = siteLogin(name, namedSite(settings, name), settings.home);
      if (login === null) {
        throw new PerdureError('InvalidInput', `nothing is kept of a login to site '${name}'`, {
          hint: 'a connection by SSH ends with the worker: perdure down',
        });
      }
      say(await login.logOut());
    });
}
