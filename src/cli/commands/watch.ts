import type { Command } from 'commander';
import { StudyHandle } from '../../client/study-handle';
import { plainLines } from '../../study/plain-text';
import { follow, interrupted } from '../follow';
import { exitCodeOfStudy, say } from '../terminal';
import { withSession } from '../with-session';

export function addWatch(root: Command): void {
  root
    .command('watch')
    .description('follow a study to its end; Ctrl-C leaves it running')
    .argument('<study>')
    .action(async (name: string, _options: object, command: Command) => {
      await withSession(command, async (session) => {
        const study = new StudyHandle(session, name);
        await study.read();
        const { status, left } = await follow(session, study, interrupted());
        if (left) return;
        say(plainLines(`study '${name}' is ${status.state}: ${status.reason}`));
        process.exitCode = exitCodeOfStudy(status);
      });
    });
}
