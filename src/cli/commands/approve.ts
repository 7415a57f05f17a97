import type { Command } from 'commander';
import { parseParamsJson } from '../../config';
import { proposalNumber } from '../arguments';
import { say } from '../terminal';
import { withStudy } from '../with-session';

export function addApprove(root: Command): void {
  root
    .command('approve')
    .description("let an agent's proposals be tried that wait for you")
    .argument('<study>')
    .argument(
      '[number]',
      'of the proposal, as `perdure status` shows it (default: all that wait)',
      proposalNumber,
    )
    .option('--edit <json>', "values in the place of the proposal's own: '{\"learning_rate\": 0.01}'")
    .action(
      async (name: string, number: number | undefined, { edit }: { edit?: string }, command: Command) => {
        const values = edit === undefined ? {} : { edit: parseParamsJson(edit) };
        const which = { ...(number === undefined ? {} : { number }), ...values };
        const numbers = await withStudy(command, name, (study) => study.approve(which));
        say(`approved: ${numbers.map((one) => `proposal ${String(one)}`).join(', ')}`);
      },
    );
}
