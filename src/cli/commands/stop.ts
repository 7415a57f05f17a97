import type { Command } from 'commander';
import { StudyHandle } from '../../client/study-handle';
import { say } from '../terminal';
import { withSession } from '../with-session';

export function addStop(root: Command): void {
  root
    .command('stop')
    .description('propose no more; running trials finish')
    .argument('<study>')
    .option('--now', 'cancel the running trials')
    .action(async (name: string, { now }: { now?: boolean }, command: Command) => {
      await withSession(command, async (session) => {
        const study = new StudyHandle(session, name);
        await study.mustBeStoppable();
        await study.stop({ now: now === true });
      });
      say(
        now === true
          ? `study '${name}' is stopping now`
          : `study '${name}' stops when its running trials have ended`,
      );
    });
}
