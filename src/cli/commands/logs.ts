import type { Command } from 'commander';
import { count, trialNumber } from '../arguments';
import { interrupted } from '../follow';
import { TrialLog } from '../trial-log';
import { withSession } from '../with-session';

interface LogsOptions {
  readonly follow?: boolean;
  readonly attempt?: number;
  readonly lines?: number;
}

export function addLogs(root: Command): void {
  root
    .command('logs')
    .description('what a trial has printed, wherever it runs')
    .argument('<study>')
    .argument('<number>', 'of the trial', trialNumber)
    .option('-f, --follow', 'go on until the trial has ended; Ctrl-C leaves it running')
    .option('--attempt <n>', 'of this attempt, from 1; default: the last one', count)
    .option('-n, --lines <n>', 'only the last lines', count)
    .action(async (study: string, number: number, options: LogsOptions, command: Command) => {
      const { follow = false, attempt = null, lines = null } = options;
      await withSession(command, async (session) => {
        const log = await TrialLog.open(session, study, number, attempt);
        if (follow) await log.follow(lines, interrupted());
        else await log.print(lines);
      });
    });
}
