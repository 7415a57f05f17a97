import { InvalidArgumentError, type Command } from 'commander';
import { parseParamsJson } from '../../config';
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

export function addReject(root: Command): void {
  root
    .command('reject')
    .description("refuse an agent's proposals that wait for you; the backbone proposes in their place")
    .argument('<study>')
    .argument(
      '[number]',
      'of the proposal, as `perdure status` shows it (default: all that wait)',
      proposalNumber,
    )
    .option('--reason <text>', 'told to the agent')
    .action(
      async (name: string, number: number | undefined, { reason }: { reason?: string }, command: Command) => {
        const which = {
          ...(number === undefined ? {} : { number }),
          ...(reason === undefined ? {} : { reason }),
        };
        const numbers = await withStudy(command, name, (study) => study.reject(which));
        say(`refused: ${numbers.map((one) => `proposal ${String(one)}`).join(', ')}`);
      },
    );
}

function proposalNumber(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('A proposal is named by its number; `perdure status STUDY` lists them.');
}
