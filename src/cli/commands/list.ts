import type { Command } from 'commander';
import { statusOfAll } from '../../client/status-of-all';
import type { StudyStatus } from '../../client/study-status';
import { shortNumber } from '../../study/params-text';
import { plainLine } from '../../study/plain-text';
import { plainTable } from '../plain-table';
import { print, printJson } from '../terminal';
import { withSession } from '../with-session';

export function addList(root: Command): void {
  root
    .command('list')
    .description('the studies of the ledger')
    .option('--json', 'as JSON')
    .action(async ({ json }: { json?: boolean }, command: Command) => {
      await withSession(command, async (session) => {
        const studies = await statusOfAll(session);
        if (json === true) printJson(studies);
        else print(studies.length === 0 ? 'no studies yet' : tableOf(studies));
      });
    });
}

function tableOf(studies: readonly StudyStatus[]): string {
  return plainTable(
    ['study', 'state', 'complete', 'pruned', 'failed', 'running', 'best'],
    studies.map(({ study, state, trials, best }) => {
      const { complete, pruned, failed, running } = trials;
      const found = best === null ? '' : shortNumber(best.values[0] ?? NaN);
      return [plainLine(study, 60), state, complete, pruned, failed, running, found];
    }),
  );
}
