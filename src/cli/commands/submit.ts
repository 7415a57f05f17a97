import type { Command } from 'commander';
import { plainName } from '../../client/job-names';
import { jobsHash, loadJobs } from '../../config';
import { count } from '../arguments';
import { workerOption } from '../ensure-running';
import { startJobs, type StartOptions } from '../start-jobs';

export function addSubmit(root: Command): void {
  root
    .command('submit')
    .description('run a list of jobs at a site without a study; the same list again goes on with it')
    .argument('<site>')
    .argument('<file>', 'one job a line, as JSON: {"job_id", "function" or "command", "params", …}')
    .option('--name <name>', 'of the batch; default: made of the file')
    .option('--parallel <n>', 'jobs at once', count, 8)
    .option('--wait', 'until all have ended; Ctrl-C leaves them running')
    .option('--json', 'as JSON')
    .option(...workerOption)
    .action(
      async (
        site: string,
        file: string,
        options: StartOptions & { readonly name?: string; readonly parallel: number },
        command: Command,
      ) => {
        const { stem, jobs } = await loadJobs(file);
        const name = options.name ?? `${plainName(stem)}-${jobsHash(site, jobs).slice(0, 8)}`;
        await startJobs(command, { kind: 'batch', name, site, jobs, parallel: options.parallel }, options);
      },
    );
}
