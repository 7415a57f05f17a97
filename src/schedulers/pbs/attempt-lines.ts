import { attemptPath } from '../job-key';
import { paramsText } from '../job-program';
import { jobName } from '../remote/job-name';
import { runScript } from '../remote/run-script';
import { words } from '../remote/site-shell';
import type { Staging } from '../remote/staging';
import type { JobRequest } from '../scheduler';
import { trialJob } from './job-script';
import type { PbsSite } from './pbs-site';

/** Lines that make the attempt's directory, whole or not at all, unless it is there. */
export function attemptLines(site: PbsSite, staging: Staging, request: JobRequest, number: string): string {
  const { key, trial } = request;
  const path = attemptPath(key);
  return [
    `if begin_attempt ${words(number, path)}; then`,
    ...staging.fileLines(trial.files),
    `put_text .perdure/params.json ${words(paramsText(request))}`,
    `put_text .perdure/run.sh ${words(runScript(site, staging.shim, request))}`,
    `put_text .perdure/job.sh ${words(trialJob(site, staging.shim, jobName(key), request))}`,
    `end_attempt ${words(number, path)}`,
    'fi',
  ].join('\n');
}
