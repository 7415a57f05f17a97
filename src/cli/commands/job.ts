import { InvalidArgumentError, type Command } from 'commander';
import { reportOf, type BatchStatus } from '../../client/batch-handle';
import { BatchHandle } from '../../client/batch-handle';
import { newJobName } from '../../client/job-names';
import type { Session } from '../../client/session';
import { readJob, workingDirectory } from '../../config';
import { isFinalJob, type JobCounts } from '../../jobs/job';
import type { Batch } from '../../storage';
import { PerdureError } from '../../study/error';
import { count, countOrNone, json } from '../arguments';
import { interrupted } from '../follow';
import { printJobLog } from '../job-log';
import { batchText, jobTable, jobText } from '../job-text';
import { sayingLogins } from '../login-notice';
import { withJob } from '../named-job';
import { workerOption, type WorkerOption } from '../ensure-running';
import { followJobs, printResults, startJobs } from '../start-jobs';
import { exitCode, print, printJson, say } from '../terminal';
import { plainTable } from '../plain-table';
import { withSession } from '../with-session';

interface SubmitOptions extends WorkerOption {
  readonly function?: string;
  readonly command?: readonly string[];
  readonly params?: unknown;
  readonly files?: readonly string[];
  readonly python?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly timeout?: string;
  readonly retries?: number;
  readonly nodes?: number;
  readonly ranksPerNode?: number;
  readonly id?: string;
  readonly wait?: boolean;
  readonly json?: boolean;
}

export function addJob(root: Command): void {
  const job = root.command('job').description('single jobs without a study, on any site');
  addSubmit(job);
  addStatus(job);
  addResult(job);
  addCancel(job);
  addLogs(job);
  addList(job);
}

function addSubmit(job: Command): void {
  job
    .command('submit')
    .description('run a function or a command at a site, once, whatever dies meanwhile')
    .argument('<site>')
    .option('--function <file:name>', 'Python function that is called with the parameters: train.py:train')
    .option(
      '--command <words>',
      'a program and its arguments, as text without quotes or as a JSON list',
      words,
    )
    .option('--params <json>', 'parameters: any JSON object', json)
    .option('--files <path...>', 'files and directories that it needs')
    .option('--python <path>', 'the Python of a function; default: python3')
    .option('--env <name=value>', 'environment variable; may be repeated', variable)
    .option('--timeout <duration>', 'how long it may run: 10m')
    .option('--retries <n>', 'how often it is repeated where its site loses it; default: 2', countOrNone)
    .option('--nodes <n>', 'whole nodes', count)
    .option('--ranks-per-node <n>', 'processes on each node, by mpiexec', count)
    .option('--id <name>', 'its name; the same again finds it')
    .option('--wait', 'until it has ended; Ctrl-C leaves it running')
    .option('--json', 'as JSON')
    .option(...workerOption)
    .action(async (site: string, options: SubmitOptions, command: Command) => {
      const { params, function: called, id, ranksPerNode, wait, json: asJson, worker, ...rest } = options;
      const loaded = await readJob(
        {
          ...rest,
          ...(called === undefined ? {} : { function: called }),
          ...(id === undefined ? {} : { job_id: id }),
          ...(ranksPerNode === undefined ? {} : { ranks_per_node: ranksPerNode }),
          ...(params === undefined ? {} : { params }),
        },
        { where: 'the job', directory: workingDirectory() },
      );
      const name = loaded.id ?? newJobName(loaded.spec.trial.program);
      const jobs = [{ ...loaded, id: name }];
      await startJobs(
        command,
        { kind: 'job', name, site, jobs, parallel: 1 },
        { wait, json: asJson, worker },
      );
    });
}

function addStatus(job: Command): void {
  job
    .command('status')
    .description('how a job, or a batch of them, stands')
    .argument('<id>', 'of a job or a batch; BATCH/JOB: of one job of it')
    .option('--json', 'as JSON')
    .option('-f, --follow', 'until it has ended')
    .action(async (id: string, options: { json?: boolean; follow?: boolean }, command: Command) => {
      await withJob(command, id, async (named) => {
        const { session, batch } = named;
        if (options.follow === true) {
          await followJobs(session, batch, options.json === true);
          return;
        }
        const status = await batch.status();
        const [job = null] = named.job === null ? [] : [named.job];
        if (options.json === true)
          printJson(job === null ? status : { ...reportOf(job), site: status.site, note: status.note });
        else print(job === null ? batchText(status) : jobText(id, job, noteOf(status, job.state)));
      });
    });
}

function noteOf(status: BatchStatus, state: BatchStatus['state']): Pick<BatchStatus, 'site' | 'note'> {
  return { site: status.site, note: isFinalJob(state) || status.kind !== 'job' ? null : status.note };
}

function addResult(job: Command): void {
  job
    .command('result')
    .description('what came of a job, or of each of a batch; exit code 1 where one has failed')
    .argument('<id>', 'of a job or a batch; BATCH/JOB: of one job of it')
    .option('--json', 'as JSON')
    .option('--wait', 'until it has ended')
    .action(async (id: string, options: { json?: boolean; wait?: boolean }, command: Command) => {
      const asJson = options.json === true;
      await withJob(command, id, async ({ session, batch, job: one }) => {
        if (options.wait === true)
          await sayingLogins<unknown>(session, batch.batch.site, () =>
            one === null ? batch.results() : untilEnded(batch, one.id),
          );
        if (one !== null && batch.batch.kind !== 'job') {
          const ended = await batch.job(one.id);
          if (!isFinalJob(ended.state)) throw notEnded(id);
          if (ended.state === 'FAIL') process.exitCode = exitCode.studyFailed;
          if (asJson) printJson(reportOf(ended));
          else print(jobText(id, ended, { site: batch.batch.site, note: null }));
          return;
        }
        const { WAITING, RUNNING } = await batch.counts();
        if (batch.batch.kind === 'job' && WAITING + RUNNING > 0) throw notEnded(id);
        if (WAITING + RUNNING > 0) say(`${String(WAITING + RUNNING)} of its jobs have not ended yet`);
        await printResults(batch, asJson);
      });
    });
}

async function untilEnded(batch: BatchHandle, id: string): Promise<void> {
  while (!isFinalJob((await batch.job(id)).state)) await new Promise((done) => setTimeout(done, 300));
}

function notEnded(id: string): PerdureError {
  return new PerdureError('Conflict', `'${id}' has not ended yet`, {
    hint: `perdure job result ${id} --wait`,
  });
}

function addCancel(job: Command): void {
  job
    .command('cancel')
    .description('end a job, or all of a batch: FAIL, reason `cancelled`')
    .argument('<id>', 'of a job or a batch; BATCH/JOB: of one job of it')
    .action(async (id: string, _options: object, command: Command) => {
      await withJob(command, id, async ({ batch, job: one }) => {
        await batch.cancel(batch.batch.kind === 'job' || one === null ? null : one.number);
        const after = one === null ? null : await batch.job(one.id);
        say(
          after === null || after.reason === 'cancelled'
            ? `'${id}' is cancelled`
            : `'${id}' was faster: it is ${after.state}`,
        );
      });
    });
}

function addLogs(job: Command): void {
  job
    .command('logs')
    .description('what a job has printed, wherever it runs')
    .argument('<id>', 'of a job; BATCH/JOB: of a job of a batch')
    .option('-f, --follow', 'go on until it has ended; Ctrl-C leaves it running')
    .option('-n, --lines <n>', 'only the last lines', count)
    .action(async (id: string, options: { follow?: boolean; lines?: number }, command: Command) => {
      await withJob(command, id, async (named) => {
        if (named.job === null) {
          throw new PerdureError('InvalidInput', `'${id}' is a batch of several jobs`, {
            hint: `name one of them: perdure job logs ${id}/JOB`,
          });
        }
        const { follow = false, lines = null } = options;
        await printJobLog(named, named.job, { follow, lines, leave: interrupted() });
      });
    });
}

function addList(job: Command): void {
  job
    .command('list')
    .description('the jobs and batches of the ledger; with a batch, its jobs')
    .argument('[batch]')
    .option('--json', 'as JSON')
    .action(async (name: string | undefined, options: { json?: boolean }, command: Command) => {
      const asJson = options.json === true;
      if (name !== undefined) {
        await withSession(command, async (session) => {
          const jobs = await (await BatchHandle.find(session, name)).jobs();
          if (asJson) printJson(jobs.map(reportOf));
          else print(jobTable(jobs));
        });
        return;
      }
      const show = (batches: readonly ListedBatch[]): void => {
        if (asJson) printJson(batches);
        else print(batches.length === 0 ? 'no jobs yet' : batchTable(batches));
      };
      const showAll = async (session: Session): Promise<void> => {
        const all: ListedBatch[] = [];
        for (const batch of await session.ledger.batches.list()) {
          const handle = new BatchHandle(session, batch);
          all.push({ name: batch.name, kind: batch.kind, site: batch.site, jobs: await handle.counts() });
        }
        show(all);
      };
      await withSession(command, showAll, () => {
        show([]);
      });
    });
}

interface ListedBatch extends Pick<Batch, 'name' | 'kind' | 'site'> {
  readonly jobs: JobCounts;
}

function batchTable(batches: readonly ListedBatch[]): string {
  return plainTable(
    ['name', 'kind', 'site', 'waiting', 'running', 'complete', 'failed'],
    batches.map(({ name, kind, site, jobs }) => {
      const { WAITING, RUNNING, COMPLETE, FAIL } = jobs;
      return [name, kind, site, WAITING, RUNNING, COMPLETE, FAIL];
    }),
  );
}

/** Without a shell's rules for quotes: what needs them is written as JSON. */
function words(text: string): readonly string[] {
  if (text.trimStart().startsWith('[')) {
    const list = json(text);
    if (Array.isArray(list) && list.every((word) => typeof word === 'string')) return list;
    throw new InvalidArgumentError('It has to be a JSON list of texts.');
  }
  if (/["'\\]/.test(text))
    throw new InvalidArgumentError('Write words with quotes as a JSON list: \'["sh", "-c", "echo hello"]\'.');
  return text.split(/\s+/).filter((word) => word !== '');
}

function variable(
  text: string,
  before: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  const at = text.indexOf('=');
  if (at <= 0) throw new InvalidArgumentError('Write NAME=VALUE.');
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}
