import { Option, type Command } from 'commander';
import { keepEndpointSite } from '../../config';
import { checkBatch } from '../../client/open-batch';
import { diagnosisRequest, runDiagnosis } from '../../client/diagnose';
import { Session } from '../../client/session';
import { diagnosisTests, type DiagnosisTest } from '../../jobs/diagnosis';
import { workflowPage } from '../../server/workflow-page';
import { withCleanUp } from '../../study/clean-up';
import { PerdureError } from '../../study/error';
import { isObject } from '../../study/json';
import { plainLine } from '../../study/plain-text';
import { count, json } from '../arguments';
import { sayingLogins } from '../login-notice';
import { namedSite } from '../named-site';
import { exitCode, print, printJson, say } from '../terminal';
import { ensureRunning, workerOption, type WorkerOption } from '../ensure-running';
import { plainTable } from '../plain-table';
import { settingsOf } from '../with-session';

interface Options extends WorkerOption {
  readonly test: DiagnosisTest;
  readonly tasks: number;
  readonly python?: string;
  readonly json?: boolean;
  readonly endpoint?: string;
  readonly userEndpointConfig?: unknown;
}

export function addDiagnose(root: Command): void {
  root
    .command('diagnose')
    .description('look at a site by jobs that run there; exit code 1 where a check fails')
    .argument('[site]')
    .option('-e, --endpoint <id>', 'instead of a site: an endpoint of Globus Compute, by its id')
    .option('--user-endpoint-config <json>', "with -e: what the endpoint's template is filled in with", json)
    .addOption(new Option('-t, --test <test>', 'what to look at').choices(diagnosisTests).default('simple'))
    .option('-n, --tasks <n>', 'tasks at once, and MPI ranks', count, 4)
    .option('--python <path>', 'the Python of the site; default: python3')
    .option('--json', 'as JSON')
    .option(...workerOption)
    .action(async (named: string | undefined, options: Options, command: Command) => {
      const { test, tasks, python } = options;
      const site = await siteOf(named, options, command);
      const settings = await settingsOf(command);
      namedSite(settings, site);
      const request = await diagnosisRequest(settings, site, {
        test,
        n: tasks,
        ...(python === undefined ? {} : { python }),
      });
      await checkBatch(settings, request);
      await ensureRunning(settings, options, [site]);
      const session = await Session.open({ settings });
      await withCleanUp(
        async () => {
          const opened = (workflowId: string): void => {
            const page = workflowPage(settings, workflowId);
            if (page !== null) say(`  Temporal UI  ${page}`);
          };
          const found = await sayingLogins(session, site, () => runDiagnosis(session, request, test, opened));
          if (found.findings.some(({ verdict }) => verdict === 'fail'))
            process.exitCode = exitCode.studyFailed;
          if (options.json === true) {
            printJson(found);
            return;
          }
          const rows = found.findings.flatMap(({ check, verdict, found: what, hint }) => [
            [check, verdict, plainLine(what, 300)],
            ...(hint === undefined ? [] : [['', '', `  ${plainLine(hint, 300)}`]]),
          ]);
          print(plainTable(['check', '', 'found'], rows));
        },
        () => session.close(),
      );
    });
}

/** The site that is asked for; an endpoint becomes one. */
async function siteOf(
  site: string | undefined,
  { endpoint, userEndpointConfig: config }: Options,
  command: Command,
): Promise<string> {
  const refuse = (message: string, hint: string): PerdureError =>
    new PerdureError('InvalidInput', message, { hint });
  if (endpoint === undefined) {
    const hint = 'perdure diagnose SITE, or perdure diagnose -e ENDPOINT_ID';
    if (site === undefined) throw refuse('what is to be looked at?', hint);
    if (config === undefined) return site;
    throw refuse('--user-endpoint-config goes with -e', "a site's own is in the settings");
  }
  if (site !== undefined) throw refuse(`'${site}' and an endpoint are two places`, 'leave out one of them');
  const settings = await settingsOf(command);
  if (config === undefined) return keepEndpointSite(settings, endpoint);
  if (!isObject(config))
    throw refuse(
      '--user-endpoint-config has to be a JSON object',
      `--user-endpoint-config '{"account": "X"}'`,
    );
  return keepEndpointSite(settings, endpoint, { userEndpointConfig: config });
}
