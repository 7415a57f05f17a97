import type { Command } from 'commander';
import { loadStudy } from '../../config';
import { checkStart, openStudy, type Opening } from '../../client/start-study';
import { Session } from '../../client/session';
import type { StudyHandle } from '../../client/study-handle';
import { embeddedServer } from '../../server/embedded-server';
import { print, say } from '../terminal';
import { ensureRunning, settingsOf } from '../with-session';

export function addStart(root: Command): void {
  root
    .command('start')
    .description('start a study and leave it running')
    .argument('<file>', 'study file (YAML)')
    .action(async (file: string, _options: object, command: Command) => {
      const { session, study } = await startFromFile(file, command);
      print(`follow it: npx perdure watch ${quoted(study.name)}`);
      await session.close();
    });
}

const openings: Readonly<Record<Opening, string>> = {
  started: 'started',
  continued: 'goes on from what the ledger has of it',
  attached: 'runs already',
};

/**
 * Checks the file, starts what is missing and opens the study. The caller closes the session.
 * @returns also the study's page in the embedded server's UI
 */
export async function startFromFile(
  file: string,
  command: Command,
): Promise<{ readonly session: Session; readonly study: StudyHandle; readonly page: string | null }> {
  const settings = await settingsOf(command);
  const loaded = await loadStudy(file);
  await checkStart(loaded, settings);
  await ensureRunning(settings);
  const session = await Session.open({ settings });
  try {
    const { handle, opening } = await openStudy(session, loaded);
    say(`study '${handle.name}' ${openings[opening]}`);
    const server = settings.temporal.kind === 'embedded' ? embeddedServer(settings.home) : null;
    const page =
      server === null
        ? null
        : `${server.ui}/namespaces/default/workflows/${encodeURIComponent(handle.workflowId)}`;
    if (page !== null) say(`  Temporal UI  ${page}`);
    say(`  ledger       ${session.ledger.url}`);
    return { session, study: handle, page };
  } catch (error) {
    await session.close();
    throw error;
  }
}

/** A name as a shell and this program take it. */
export function quoted(name: string): string {
  // It would be read as an option.
  if (name.startsWith('-')) return `-- ${quoted(`./${name}`).replace('./', '')}`;
  return /^[\w@%+=:,./-]+$/.test(name) ? name : `'${name.replaceAll("'", String.raw`'\''`)}'`;
}
