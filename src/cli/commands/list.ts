import type { Command } from 'commander';
import Table from 'cli-table3';
import { StudyHandle } from '../../client/study-handle';
import type { StudyStatus } from '../../client/study-status';
import { shortNumber } from '../../study/params-text';
import { plainLine } from '../../study/plain-text';
import { print, printJson } from '../terminal';
import { plainTable } from '../trial-table';
import { withSession } from '../with-session';

export function addList(root: Command): void {
  root
    .command('list')
    .description('the studies of the ledger')
    .option('--json', 'as JSON')
    .action(async ({ json }: { json?: boolean }, command: Command) => {
      await withSession(command, async (session) => {
        const studies: StudyStatus[] = [];
        for (const { name } of await session.ledger.listStudies())
          studies.push(await new StudyHandle(session, name).status());
        if (json === true) printJson(studies);
        else print(studies.length === 0 ? 'no studies yet' : tableOf(studies));
      });
    });
}

function tableOf(studies: readonly StudyStatus[]): string {
  const table = new Table({
    head: ['study', 'state', 'complete', 'pruned', 'failed', 'running', 'best'],
    ...plainTable,
  });
  for (const { study, state, trials, best } of studies) {
    const { complete, pruned, failed, running } = trials;
    table.push([
      plainLine(study, 60),
      state,
      complete,
      pruned,
      failed,
      running,
      best === null ? '' : shortNumber(best.values[0] ?? NaN),
    ]);
  }
  return table.toString();
}
