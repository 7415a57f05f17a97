import type { Command } from 'commander';
import { checkBatch, openBatch, type BatchOpening, type BatchRequest } from '../client/open-batch';
import { Session } from '../client/session';
import { workflowPage } from '../server/workflow-page';
import { withCleanUp } from '../study/clean-up';
import { exitCode, print, printJson, say, sayWarnings } from './terminal';
import { reportOf, type BatchHandle } from '../client/batch-handle';
import { batchText, jobTable, jobText } from './job-text';
import { ensureRunning, type WorkerOption } from './ensure-running';
import { settingsOf } from './with-session';
import { interrupted } from './follow';
import { sayingLogins } from './login-notice';

const openings: Readonly<Record<BatchOpening, string>> = {
  started: 'is submitted',
  continued: 'goes on with what has not ended',
  attached: 'runs already',
  ended: 'has ended already',
};

export interface StartOptions extends WorkerOption {
  readonly wait?: boolean;
  readonly json?: boolean;
}

/** Checks jobs, starts what is missing, submits them, and waits for their end where that is wanted. */
export async function startJobs(
  command: Command,
  request: BatchRequest,
  options: StartOptions,
): Promise<void> {
  const settings = await settingsOf(command);
  // Before a server and a worker are started for them.
  const found = await checkBatch(settings, request);
  // Lines that run the same script share its warnings.
  sayWarnings([...new Set([...found.values()].flatMap(({ warnings }) => warnings))]);
  await ensureRunning(settings, options, [request.site]);
  const session = await Session.open({ settings });
  await withCleanUp(
    async () => {
      const { handle, opening } = await openBatch(session, request);
      say(`'${handle.name}' ${openings[opening]}`);
      const page = workflowPage(settings, handle.workflowId);
      if (page !== null) say(`  Temporal UI  ${page}`);
      if (options.wait === true) await followJobs(session, handle, options.json === true);
      else if (options.json === true) printJson(await handle.status());
      else
        print(
          `its state: perdure job status ${handle.name}; its result: perdure job result ${handle.name} --wait`,
        );
    },
    () => session.close(),
  );
}

/** Waits until all have ended and prints what came of them; Ctrl-C leaves them running. Exit code 1 where one has failed. */
export async function followJobs(session: Session, handle: BatchHandle, json: boolean): Promise<void> {
  const leave = interrupted();
  await sayingLogins(session, handle.batch.site, async () => {
    let last = '';
    for await (const status of handle.watch(leave, (error) => {
      say(`${error.text}\n  waiting for it`);
    })) {
      const text = batchText(status);
      if (text !== last && !json) say(text);
      last = text;
    }
  });
  if (leave.aborted) {
    say(`'${handle.name}' goes on without you`);
    return;
  }
  await printResults(handle, json);
}

/** What came of each job. Exit code 1 where one has failed. */
export async function printResults(handle: BatchHandle, json: boolean): Promise<void> {
  const jobs = await handle.jobs();
  const [only] = jobs;
  if (jobs.some(({ state }) => state === 'FAIL')) process.exitCode = exitCode.studyFailed;
  if (json)
    printJson(handle.batch.kind === 'job' && only !== undefined ? reportOf(only) : jobs.map(reportOf));
  else if (handle.batch.kind === 'job' && only !== undefined)
    print(jobText(handle.name, only, { site: handle.batch.site, note: null }));
  else print(jobTable(jobs));
}
