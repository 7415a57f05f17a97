import type { Command } from 'commander';
import { embeddedServer } from '../../server/embedded-server';
import { print } from '../terminal';
import { ensureRunning, settingsOf } from '../with-session';

export function addUp(root: Command): void {
  root
    .command('up')
    .description('start the Temporal server and a worker in the background, where they do not run')
    .action(async (_options: object, command: Command) => {
      const settings = await settingsOf(command);
      await ensureRunning(settings);
      const server = settings.temporal.kind === 'embedded' ? embeddedServer(settings.home) : null;
      if (server !== null) print(`Temporal UI  ${server.ui}`);
      print(`logs         ${settings.home}/logs`);
    });
}
