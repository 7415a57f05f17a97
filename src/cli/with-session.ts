import type { Command } from 'commander';
import { loadSettings } from '../config';
import { ensureWorker, type Replacement } from '../server/background-worker';
import { ensureServer } from '../server/embedded-server';
import { connect } from '../client/connect';
import { Session } from '../client/session';
import { StudyHandle } from '../client/study-handle';
import { registerSearchAttributes } from '../client/search-attribute-registry';
import type { Settings } from '../config/settings';
import { withCleanUp } from '../study/clean-up';
import { checkSurroundings } from './check-surroundings';
import { say } from './terminal';

const replacements: Readonly<Record<Replacement, string>> = {
  settings: 'replaced the worker, as the settings have changed; its jobs go on',
  update: 'replaced the worker, as Perdure has been updated since it was started; its jobs go on',
};

/** The settings that the command line asks for. */
export function settingsOf(command: Command): Promise<Settings> {
  return loadSettings({ config: command.optsWithGlobals<{ config?: string }>().config });
}

/** Does the work with a session that is closed after it. */
export async function withSession<T>(command: Command, work: (session: Session) => Promise<T>): Promise<T> {
  const session = await Session.open({ settings: await settingsOf(command) });
  return withCleanUp(
    () => work(session),
    () => session.close(),
  );
}

/** Does the work with a study that is there. @throws {@link PerdureError} `NotFound` */
export async function withStudy<T>(
  command: Command,
  name: string,
  work: (study: StudyHandle) => Promise<T>,
): Promise<T> {
  return withSession(command, async (session) => {
    const study = new StudyHandle(session, name);
    await study.read();
    return work(study);
  });
}

/** Starts the server and the worker where they don't run, and says so. */
export async function ensureRunning(settings: Settings): Promise<void> {
  await checkSurroundings(settings);
  if (settings.temporal.kind === 'embedded') {
    const server = await ensureServer(settings.home, say);
    if (server.started) say(`started the Temporal server at ${server.address}, its UI at ${server.ui}`);
  } else {
    const client = await connect(settings);
    await withCleanUp(
      () => registerSearchAttributes(client),
      () => client.connection.close(),
    );
  }
  const { started, replaced, otherInstallation } = await ensureWorker(settings);
  if (otherInstallation !== null) {
    const { version, root } = otherInstallation;
    say(
      `the worker in the background is of Perdure ${version} in ${root}, and goes on; to replace it by this installation's: perdure down, then perdure up`,
    );
  }
  if (started) say(replaced === null ? 'started a worker in the background' : replacements[replaced]);
}
