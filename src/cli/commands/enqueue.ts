import type { Command } from 'commander';
import { parseParamsJson } from '../../config';
import { say } from '../terminal';
import { withStudy } from '../with-session';

export function addEnqueue(root: Command): void {
  root
    .command('enqueue')
    .description('add a trial that is tried next; parameters left out are sampled')
    .argument('<study>')
    .argument('<json>', 'parameters as a JSON object: \'{"learning_rate": 0.01}\'')
    .action(async (name: string, json: string, _options: object, command: Command) => {
      const params = parseParamsJson(json);
      const number = await withStudy(command, name, (study) => study.enqueue(params));
      say(`trial ${String(number)} of '${name}' is tried next`);
    });
}
