import { writeFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import { trialsCsv } from '../trial-csv';
import { trialJson } from '../trial-json';
import { print, printJson } from '../terminal';
import { withStudy } from '../with-session';

export function addExport(root: Command): void {
  root
    .command('export')
    .description('all trials, for other programs')
    .argument('<study>')
    .addOption(new Option('--format <format>', 'of what is written').choices(['csv', 'json']).default('csv'))
    .option('--output <file>', 'where to write; standard output unless given')
    .action(async (name: string, options: { format: string; output?: string }, command: Command) => {
      await withStudy(command, name, async (study) => {
        const trials = await study.trials();
        const csv = options.format === 'csv' ? trialsCsv(trials, await study.metrics()) : null;
        if (options.output !== undefined) {
          await writeFile(options.output, csv ?? `${JSON.stringify(trials.map(trialJson), null, 2)}\n`);
        } else if (csv === null) printJson(trials.map(trialJson));
        else print(csv.trimEnd());
      });
    });
}
