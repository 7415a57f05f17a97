import type { Command } from 'commander';
import { loadSettings } from '../config';
import { Session } from '../client/session';
import { StudyHandle } from '../client/study-handle';
import { secretVariables, type Settings } from '../config/settings';
import { registerSecretVariables } from '../process/environment';
import { withCleanUp } from '../study/clean-up';
import { PerdureError } from '../study/error';

/** The settings that the command line asks for. */
export async function settingsOf(command: Command): Promise<Settings> {
  const settings = await loadSettings({ config: command.optsWithGlobals<{ config?: string }>().config });
  // Before any program is started, for example to test a sampler.
  registerSecretVariables(secretVariables(settings));
  return settings;
}

/**
 * Runs the work with a session and closes it. The ledger is opened for reading: commands change studies through Temporal. The ones that
 * write to the ledger (`start`, `run`, `submit`, `diagnose`) open their own session.
 * @param absent called if there is no ledger yet; without it, that is an error
 */
export async function withSession<T>(
  command: Command,
  work: (session: Session) => Promise<T>,
  absent?: (settings: Settings) => T | Promise<T>,
): Promise<T> {
  const settings = await settingsOf(command);
  let session: Session;
  try {
    session = await Session.open({ settings, readOnly: true });
  } catch (error) {
    const missing = error instanceof PerdureError && error.kind === 'NotFound';
    if (missing && absent !== undefined) return absent(settings);
    throw error;
  }
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
