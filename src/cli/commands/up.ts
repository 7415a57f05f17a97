import type { Command } from 'commander';
import { stopWorker } from '../../server/background-worker';
import { embeddedServer, stopServer } from '../../server/embedded-server';
import { print, say } from '../terminal';
import { checkSurroundings } from '../check-surroundings';
import { ensureRunning } from '../ensure-running';
import { settingsOf } from '../with-session';

export function addUp(root: Command): void {
  root
    .command('up')
    .description('start the Temporal server and a worker in the background, where they do not run')
    .option('--restart', 'end both first; running jobs go on')
    .action(async ({ restart }: { readonly restart?: boolean }, command: Command) => {
      const settings = await settingsOf(command);
      if (restart === true) {
        // Check before the old worker is stopped whether a new one could start.
        await checkSurroundings(settings);
        if (await stopWorker(settings.home)) say('the worker has ended');
        if (await stopServer(settings.home)) say('the Temporal server has ended');
      }
      await ensureRunning(settings, { worker: true });
      const server = settings.temporal.kind === 'embedded' ? embeddedServer(settings.home) : null;
      if (server !== null) print(`Temporal UI  ${server.ui}`);
      print(`logs         ${settings.home}/logs`);
    });
}
