import type { Command } from 'commander';
import type { Trial } from '../../study/trial';
import { trialJson } from '../trial-json';
import { print, printJson } from '../terminal';
import { trialTable } from '../trial-table';
import { withStudy } from '../with-session';

export function addBest(root: Command): void {
  root
    .command('best')
    .description('the best trial; with several objectives, the Pareto front')
    .argument('<study>')
    .option('--json', 'as JSON: the trial or null; with several objectives an array')
    .action(async (name: string, { json }: { json?: boolean }, command: Command) => {
      await withStudy(command, name, async (study) => {
        const [best, metrics] = await Promise.all([study.best(), study.metrics()]);
        if (json === true) {
          const own = await study.ownNumbers();
          const shown = best.map((trial) => trialJson(trial, own));
          printJson(metrics.length > 1 ? shown : (shown[0] ?? null));
        } else print(best.length === 0 ? whyNone(await study.trials()) : trialTable(best, metrics));
      });
    });
}

function whyNone(trials: readonly Trial[]): string {
  return trials.some(({ state }) => state === 'COMPLETE')
    ? 'no complete trial keeps its constraints'
    : 'no trial is COMPLETE';
}
