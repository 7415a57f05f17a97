import { writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type Command, Option } from 'commander';
import { errorCode, PerdureError } from '../../study/error';
import { quoted } from '../../study/shell-word';
import { asJson, print } from '../terminal';
import { trialsCsv } from '../trial-csv';
import { trialJson } from '../trial-json';
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
        const own = await study.ownNumbers();
        const text =
          options.format === 'csv'
            ? trialsCsv(trials, await study.metrics())
            : `${asJson(trials.map((trial) => trialJson(trial, own)))}\n`;
        if (options.output === undefined) print(text.trimEnd());
        else await write(options.output, text);
      });
    });
}

/** @throws {@link PerdureError} `InvalidInput` */
async function write(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text);
  } catch (cause) {
    const code = errorCode(cause);
    const hint =
      code === 'ENOENT' ? `make its directory first: mkdir -p ${quoted(dirname(file))}` : undefined;
    throw new PerdureError('InvalidInput', `this file can't be written (${code})`, {
      where: file,
      hint,
      cause,
    });
  }
}
