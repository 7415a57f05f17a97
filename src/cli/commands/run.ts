import type { Command } from 'commander';
import { bestTrials, type StudyStatus } from '../../client/study-status';
import { withCleanUp } from '../../study/clean-up';
import { plainLine, plainLines } from '../../study/plain-text';
import { exitCodeOfStudy, print, say } from '../terminal';
import { workerOption } from '../ensure-running';
import { follow, interrupted, isOwnFailure, logsCommand } from '../follow';
import { trialTable } from '../trial-table';
import { quoted } from '../../study/shell-word';
import { usageText } from '../status-text';
import { dryRun, dryRunOption, startFromFile, type StartOptions } from './start';

export function addRun(root: Command): void {
  root
    .command('run')
    .description('start a study and follow it to its end; Ctrl-C leaves it running')
    .argument('<file>', 'study file (YAML)')
    .option(...dryRunOption)
    .option(...workerOption)
    .action(async (file: string, options: StartOptions, command: Command) => {
      if (options.dryRun === true) {
        await dryRun(file, command);
        return;
      }
      const leave = interrupted();
      const { session, study, opening, page, trials: asked } = await startFromFile(file, options, command);
      await withCleanUp(
        async () => {
          const { status, left } = await follow(session, study, leave, { fresh: opening === 'started' });
          if (left) {
            say(
              `\nstudy '${study.name}' goes on without you\n  npx perdure watch ${quoted(study.name)}   npx perdure stop ${quoted(study.name)}`,
            );
            return;
          }
          const [trials, { directions }, metrics] = await Promise.all([
            study.trials(),
            study.read(),
            study.metrics(),
          ]);
          print(trialTable(trials, metrics));
          for (const best of bestTrials(trials, directions)) {
            const values = metrics
              .map((metric, i) => `${plainLine(metric)} = ${String(best.values?.[i])}`)
              .join(', ');
            print(
              `best: trial ${String(best.number)}, ${values}\n  ${plainLine(JSON.stringify(best.params))}`,
            );
          }
          print(plainLines(`\nstudy '${study.name}' is ${status.state}: ${status.reason}`));
          if (status.agent !== null) {
            const { note } = status.agent;
            print(
              `  agent        ${usageText(status.agent)}${note === '' ? '' : `\n               ${plainLine(note, 400)}`}`,
            );
          }
          const name = quoted(study.name);
          if (page !== null) print(`  Temporal UI  ${page}`);
          print(`  ledger       ${session.ledger.url}   (optuna-dashboard ${quoted(session.ledger.url)})`);
          const failed = trials.findLast(isOwnFailure);
          if (failed !== undefined) print(`  output       ${logsCommand(study.name, failed.number)}`);
          print(`  what next    npx perdure trials ${name}; npx perdure export ${name} --format csv`);
          print(`               ${continuation(status, asked)}: npx perdure run ${quoted(file)}`);
          print('               end server and worker: npx perdure down');
          process.exitCode = exitCodeOfStudy(status);
        },
        () => session.close(),
      );
    });
}

/** What to do before an ended study can continue. @param asked the file's `budget.trials` */
function continuation({ state, budget, trials }: StudyStatus, asked: number | null): string {
  if (state === 'failed')
    return budget !== null && trials.complete + trials.pruned + trials.failed >= budget
      ? `fix the cause, raise budget.trials from ${String(budget)} and go on`
      : 'fix the cause and go on';
  if (budget === null) return 'change the budget and go on';
  const adjusted = asked === budget ? '' : ` (${String(asked ?? 'none')} in the file, adjusted since)`;
  return `raise budget.trials from ${String(budget)}${adjusted} and go on`;
}
