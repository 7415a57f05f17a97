import type { Command } from 'commander';
import { say } from '../terminal';
import { withStudy } from '../with-session';

export function addPause(root: Command): void {
  root
    .command('pause')
    .description('propose nothing until `resume`; running trials go on')
    .argument('<study>')
    .action(async (name: string, _options: object, command: Command) => {
      await withStudy(command, name, (study) => study.pause());
      say(`study '${name}' is paused`);
    });
}
