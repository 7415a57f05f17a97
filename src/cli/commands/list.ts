import type { Command } from 'commander';
import type { Session } from '../../client/session';
import { statusOfAll } from '../../client/status-of-all';
import { StudyHandle } from '../../client/study-handle';
import type { StudyStatus } from '../../client/study-status';
import { shortNumber } from '../../study/params-text';
import { plainLine } from '../../study/plain-text';
import { waitingSummary, type Waiting } from '../../study/waiting';
import { plainTable } from '../plain-table';
import { print, printJson } from '../terminal';
import { withSession } from '../with-session';

export function addList(root: Command): void {
  root
    .command('list')
    .description('the studies of the ledger')
    .option('--json', 'as JSON')
    .action(async ({ json }: { json?: boolean }, command: Command) => {
      const show = (studies: readonly ListedStudy[]): void => {
        if (json === true) printJson(studies);
        else print(studies.length === 0 ? 'no studies yet' : tableOf(studies));
      };
      const showAll = async (session: Session): Promise<void> => {
        const studies = await statusOfAll(session, (name) => ({
          status: () => listed(new StudyHandle(session, name)),
        }));
        show(studies);
      };
      await withSession(command, showAll, () => {
        show([]);
      });
    });
}

interface ListedStudy extends StudyStatus {
  /** Without what its running trials wait for, which takes a request to Temporal for each. */
  readonly waiting_for: readonly Waiting[];
}

async function listed(study: StudyHandle): Promise<ListedStudy> {
  const status = await study.status();
  return { ...status, waiting_for: await study.waitingFor(status, { trials: false }) };
}

function tableOf(studies: readonly ListedStudy[]): string {
  return plainTable(
    ['study', 'state', 'complete', 'pruned', 'failed', 'running', 'best', 'waits for'],
    studies.map(({ study, state, trials, best, waiting_for: waiting }) => {
      const { complete, pruned, failed, running } = trials;
      const found = best === null ? '' : shortNumber(best.values[0] ?? NaN);
      const waits = plainLine(waitingSummary(waiting), 80);
      return [plainLine(study, 60), state, complete, pruned, failed, running, found, waits];
    }),
  );
}
