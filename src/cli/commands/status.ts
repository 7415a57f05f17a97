import type { Command } from 'commander';
import { statusText } from '../status-text';
import { exitCodeOfStudy, print, printJson } from '../terminal';
import { withStudy } from '../with-session';

export function addStatus(root: Command): void {
  root
    .command('status')
    .description('how a study stands')
    .argument('<study>')
    .option('--json', 'as JSON')
    .action(async (name: string, { json }: { json?: boolean }, command: Command) => {
      await withStudy(command, name, async (study) => {
        const status = await study.status();
        const waiting = await study.waitingFor(status);
        if (json === true) printJson({ ...status, waiting_for: waiting });
        else print(statusText(status, waiting));
        process.exitCode = exitCodeOfStudy(status);
      });
    });
}
