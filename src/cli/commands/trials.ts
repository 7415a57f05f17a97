import type { Command } from 'commander';
import type { StudyHandle } from '../../client/study-handle';
import type { WaitingTrial } from '../../client/waiting-trials';
import { PerdureError } from '../../study/error';
import type { Trial } from '../../study/trial';
import { trialJson } from '../trial-json';
import { print, printJson } from '../terminal';
import { trialTable } from '../trial-table';
import { withStudy } from '../with-session';

export function addTrials(root: Command): void {
  root
    .command('trials')
    .description('the trials of a study')
    .argument('<study>')
    .option('--json', 'as JSON')
    .action(async (name: string, { json }: { json?: boolean }, command: Command) => {
      await withStudy(command, name, async (study) => {
        const trials = await study.trials();
        const own = await study.ownNumbers();
        if (json === true) printJson(trials.map((trial) => trialJson(trial, own)));
        else
          print(trialTable(trials, await study.metrics(), { waiting: await waitingOf(study, trials), own }));
      });
    });
}

/** The ledger alone will do where Temporal is away. */
async function waitingOf(study: StudyHandle, trials: readonly Trial[]): Promise<readonly WaitingTrial[]> {
  try {
    return await study.waiting(trials);
  } catch (error) {
    if (error instanceof PerdureError && error.kind === 'Unavailable') return [];
    throw error;
  }
}
