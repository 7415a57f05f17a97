import type { Command } from 'commander';
import { stopWorker } from '../../server/background-worker';
import { stopServer } from '../../server/embedded-server';
import { say } from '../terminal';
import { settingsOf } from '../with-session';

export function addDown(root: Command): void {
  root
    .command('down')
    .description('end the background worker and server; running jobs go on and are taken up by the next `up`')
    .action(async (_options: object, command: Command) => {
      const { home } = await settingsOf(command);
      say((await stopWorker(home)) ? 'the worker has ended' : 'no worker ran');
      say((await stopServer(home)) ? 'the Temporal server has ended' : 'no Temporal server ran');
    });
}
