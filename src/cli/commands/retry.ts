import type { Command } from 'commander';
import { trialNumber } from '../arguments';
import { say } from '../terminal';
import { withStudy } from '../with-session';

export function addRetry(root: Command): void {
  root
    .command('retry')
    .description("run an ended trial's parameters again, under a new number")
    .argument('<study>')
    .argument('<number>', 'of the trial', trialNumber)
    .action(async (name: string, number: number, _options: object, command: Command) => {
      const again = await withStudy(command, name, (study) => study.retry(number));
      say(`trial ${String(number)} of '${name}' is tried again as ${String(again)}`);
    });
}
