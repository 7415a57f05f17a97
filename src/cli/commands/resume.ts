import type { Command } from 'commander';
import { say } from '../terminal';
import { withStudy } from '../with-session';

export function addResume(root: Command): void {
  root
    .command('resume')
    .description('go on with a paused study')
    .argument('<study>')
    .action(async (name: string, _options: object, command: Command) => {
      await withStudy(command, name, (study) => study.resume());
      say(`study '${name}' goes on`);
    });
}
