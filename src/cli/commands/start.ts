import type { Command } from 'commander';
import { loadStudy } from '../../config';
import { checkStart, openStudy, placedSpec, type Opening } from '../../client/start-study';
import { Session } from '../../client/session';
import type { StudyHandle } from '../../client/study-handle';
import { workflowPage } from '../../server/workflow-page';
import { previewCalls } from '../../client/preview-call';
import { openLedger, openLedgerToRead } from '../../storage';
import { withCleanUp } from '../../study/clean-up';
import { previewText } from '../explanation-text';
import { describeBudgetChange } from '../../study/continued-spec';
import { plainLine } from '../../study/plain-text';
import { quoted } from '../../study/shell-word';
import { print, say, sayWarnings } from '../terminal';
import { ensureRunning, workerOption, type WorkerOption } from '../ensure-running';
import { settingsOf } from '../with-session';

export function addStart(root: Command): void {
  root
    .command('start')
    .description('start a study and leave it running')
    .argument('<file>', 'study file (YAML)')
    .option(...dryRunOption)
    .option(...workerOption)
    .action(async (file: string, options: StartOptions, command: Command) => {
      if (options.dryRun === true) {
        await dryRun(file, command);
        return;
      }
      const { session, study } = await startFromFile(file, options, command);
      print(`follow it: npx perdure watch ${quoted(study.name)}`);
      await session.close();
    });
}

export interface StartOptions extends WorkerOption {
  readonly dryRun?: boolean;
}

export const dryRunOption = ['--dry-run', 'start nothing; show what language models would be sent'] as const;

/** Shows the first calls of a study's agents, all of what they send, and makes none. */
export async function dryRun(file: string, command: Command): Promise<void> {
  const { spec } = await loadStudy(file);
  const { storage } = await settingsOf(command);
  const ledger = (await openLedgerToRead(storage)) ?? (await openLedger(storage));
  await withCleanUp(
    async () => {
      const calls = await previewCalls(ledger, spec);
      for (const call of calls) print(previewText(call));
      if (calls.length === 0) print('no language model is asked in this study');
    },
    () => ledger.close(),
  );
}

const openings: Readonly<Record<Opening, string>> = {
  started: 'started',
  continued: 'goes on from what the ledger has of it',
  attached: 'runs already',
};

/** A study that was opened from a file. */
export interface Started {
  readonly session: Session;
  readonly study: StudyHandle;
  readonly opening: Opening;
  /** Its page in the embedded server's UI. */
  readonly page: string | null;
  /** Trials that the file asks for; `null`: no limit. */
  readonly trials: number | null;
}

/**
 * Checks the file, starts what is missing and opens the study. The caller closes the session.
 */
export async function startFromFile(file: string, options: WorkerOption, command: Command): Promise<Started> {
  const settings = await settingsOf(command);
  const loaded = await loadStudy(file);
  const found = await checkStart(loaded, settings);
  sayWarnings(found.warnings);
  // A ledger that is of no use is told before anything starts.
  const session = await Session.open({ settings });
  try {
    await ensureRunning(settings, options, placedSpec(loaded, settings).sites);
    const { handle, opening, changes, adjusted } = await openStudy(session, loaded, { found });
    const changed = changes.length === 0 ? '' : `: ${changes.map(describeBudgetChange).join(', ')}`;
    say(`study '${handle.name}' ${openings[opening]}${changed}`);
    const keys = (list: readonly string[]): string => plainLine(list.join(', '));
    if (adjusted.kept.length > 0)
      say(`  adjusted     ${keys(adjusted.kept)}: as set by perdure adjust, not as in the file`);
    if (adjusted.replaced.length > 0)
      say(`  as in file   ${keys(adjusted.replaced)}: changed in the file after perdure adjust`);
    const page = workflowPage(settings, handle.workflowId);
    if (page !== null) say(`  Temporal UI  ${page}`);
    say(`  ledger       ${session.ledger.url}`);
    return { session, study: handle, opening, page, trials: loaded.spec.budget.trials };
  } catch (error) {
    await session.close();
    throw error;
  }
}
