import type { Command } from 'commander';
import { trialNumber } from '../arguments';
import { say } from '../terminal';
import { withStudy } from '../with-session';

export function addCancel(root: Command): void {
  root
    .command('cancel')
    .description('end a running or waiting trial: FAIL, reason `cancelled`')
    .argument('<study>')
    .argument('<number>', 'of the trial', trialNumber)
    .action(async (name: string, number: number, _options: object, command: Command) => {
      const state = await withStudy(command, name, (study) => study.cancel(number));
      say(
        state === 'FAIL'
          ? `trial ${String(number)} of '${name}' is cancelled`
          : `trial ${String(number)} of '${name}' was faster: it is ${state}`,
      );
    });
}
