import type { Command } from 'commander';
import { previewCalls } from '../../client/preview-call';
import { StudyHandle } from '../../client/study-handle';
import { PerdureError } from '../../study/error';
import type { Trial } from '../../study/trial';
import { trialNumber } from '../arguments';
import { explanationText, previewText, trialExplanation } from '../explanation-text';
import { print, printJson } from '../terminal';
import { trialJson } from '../trial-json';
import { withSession } from '../with-session';

interface Options {
  readonly json?: boolean;
  readonly dryRun?: boolean;
}

export function addExplain(root: Command): void {
  root
    .command('explain')
    .description('who proposed what, and why')
    .argument('<study>')
    .argument('[number]', 'of one trial', trialNumber)
    .option('--json', 'as JSON')
    .option('--dry-run', 'what the models would be sent now')
    .action(async (name: string, number: number | undefined, { json, dryRun }: Options, command: Command) => {
      await withSession(command, async (session) => {
        const study = new StudyHandle(session, name);
        const { perdure } = await study.read();
        if (dryRun === true) {
          const calls = perdure === null ? [] : await previewCalls(session.ledger, perdure.spec);
          for (const call of calls) print(previewText(call));
          if (calls.length === 0) print('no language model is asked in this study');
          return;
        }
        const explanation = await study.explain();
        const own = await study.ownNumbers();
        const asJson = (trial: Trial): object => trialJson(trial, own);
        if (number === undefined) {
          if (json === true) printJson({ ...explanation, trials: explanation.trials.map(asJson) });
          else print(explanationText(explanation));
          return;
        }
        const trial = explanation.trials.find((one) => one.number === number);
        if (trial === undefined)
          throw new PerdureError('NotFound', `study '${name}' has no trial ${String(number)}`);
        if (json === true) printJson(asJson(trial));
        else print(trialExplanation(explanation, trial));
      });
    });
}
