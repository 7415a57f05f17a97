import './compile-cache';
import { Command, CommanderError } from 'commander';
import { version } from '../../package.json';
import { addAdjust } from './commands/adjust';
import { addApprove } from './commands/approve';
import { addBest } from './commands/best';
import { addCancel } from './commands/cancel';
import { addClean } from './commands/clean';
import { addDiagnose } from './commands/diagnose';
import { addDoctor } from './commands/doctor';
import { addDown } from './commands/down';
import { addEnqueue } from './commands/enqueue';
import { addExplain } from './commands/explain';
import { addExport } from './commands/export';
import { addJob } from './commands/job';
import { addList } from './commands/list';
import { addLogin } from './commands/login';
import { addLogout } from './commands/logout';
import { addLogs } from './commands/logs';
import { addPause } from './commands/pause';
import { addReject } from './commands/reject';
import { addResume } from './commands/resume';
import { addRetry } from './commands/retry';
import { addRun } from './commands/run';
import { addSites } from './commands/sites';
import { addStart } from './commands/start';
import { addStatus } from './commands/status';
import { addStop } from './commands/stop';
import { addSubmit } from './commands/submit';
import { addTrials } from './commands/trials';
import { addUp } from './commands/up';
import { addWatch } from './commands/watch';
import { addWorker } from './commands/worker';
import { workingDirectory } from '../config';
import { exitCode, exitCodeOf, say } from './terminal';
import { handleOutputErrors } from '../process/handle-errors';
import { isDiskFull, messageOf, PerdureError } from '../study/error';
import { plainLines } from '../study/plain-text';

const commands = [
  ...[addRun, addStart, addList, addStatus, addWatch, addTrials, addLogs, addBest, addExplain, addExport],
  ...[addStop, addPause, addResume, addAdjust, addEnqueue, addCancel, addRetry, addApprove, addReject],
  ...[addJob, addSubmit, addDiagnose],
  ...[addUp, addDown, addWorker, addLogin, addLogout, addSites, addClean, addDoctor],
];

function program(): Command {
  const root = new Command('perdure')
    .description('Hyperparameter studies that outlive everything around them.')
    .version(version)
    .option(
      '--config <file>',
      'settings (default: PERDURE_CONFIG, ./perdure.yaml, then ~/.config/perdure/perdure.yaml)',
    )
    .option('-v, --verbose', 'say more')
    .addHelpText(
      'after',
      '\nExit codes: 0 done, 1 the study, a job or a check failed, 2 bad usage or input, 3 cannot reach Temporal or the ledger',
    )
    .showSuggestionAfterError()
    .configureHelp({ showGlobalOptions: true })
    // Commands need the working directory, for relative paths and for the programs that they start. Help and the version do not.
    .hook('preAction', () => void workingDirectory());
  for (const add of commands) add(root);
  for (const command of [root, ...root.commands, ...root.commands.flatMap(({ commands: below }) => below)])
    command.exitOverride();
  return root;
}

async function main(argv: readonly string[]): Promise<number> {
  const root = program();
  try {
    await root.parseAsync([...argv]);
    return exitCode.done;
  } catch (error) {
    // Commander has printed its message, and ends with 0 after --help and --version.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCode.done : exitCode.badInput;
    if (error instanceof PerdureError) {
      // What it tells may be the words of a site or a server.
      say(plainLines(error.text));
      if (error.cause instanceof Error && root.opts<{ verbose?: boolean }>().verbose === true)
        say(`caused by ${error.cause.stack ?? ''}`);
      return exitCodeOf(error);
    }
    if (isDiskFull(error)) {
      say(
        `the disk is full: ${messageOf(error)}\n  free some space; \`perdure doctor\` lists the directories that Perdure writes to`,
      );
      return exitCode.unreachable;
    }
    throw error;
  }
}

// A reader that ends early (`perdure trials STUDY | head`) is not an error.
handleOutputErrors(({ code = '' }) => {
  if (code === 'EPIPE') process.exit(exitCode.done);
  say(`standard output can't be written (${code})`);
  process.exit(exitCode.badInput);
});

main(process.argv).then(
  (code) => {
    process.exitCode = typeof process.exitCode === 'number' ? process.exitCode : code;
  },
  (error: unknown) => {
    // A mistake of this program: the one case in which a stack says something.
    say(`perdure made a mistake: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    process.exitCode = 70;
  },
);
