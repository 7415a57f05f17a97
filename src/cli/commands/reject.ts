import type { Command } from 'commander';
import { proposalNumber } from '../arguments';
import { say } from '../terminal';
import { withStudy } from '../with-session';

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
