import { Option, type Command } from 'commander';
import Table from 'cli-table3';
import { diagnosisRequest, runDiagnosis } from '../../client/diagnose';
import { Session } from '../../client/session';
import { diagnosisTests, type DiagnosisTest } from '../../jobs/diagnosis';
import { embeddedServer } from '../../server/embedded-server';
import { count } from '../arguments';
import { namedSite } from '../named-site';
import { exitCode, print, printJson, say } from '../terminal';
import { plainTable, printable } from '../trial-table';
import { ensureRunning, settingsOf } from '../with-session';

interface Options {
  readonly test: DiagnosisTest;
  readonly tasks: number;
  readonly python?: string;
  readonly json?: boolean;
}

export function addDiagnose(root: Command): void {
  root
    .command('diagnose')
    .description('look at a site by jobs that run there; exit code 1 where a check fails')
    .argument('<site>')
    .addOption(new Option('-t, --test <test>', 'what to look at').choices(diagnosisTests).default('simple'))
    .option('-n, --tasks <n>', 'tasks at once, and MPI ranks', count, 4)
    .option('--python <path>', 'the Python of the site; default: python3')
    .option('--json', 'as JSON')
    .action(async (site: string, { test, tasks, python, json }: Options, command: Command) => {
      const settings = await settingsOf(command);
      namedSite(settings, site);
      const request = await diagnosisRequest(site, {
        test,
        n: tasks,
        ...(python === undefined ? {} : { python }),
      });
      await ensureRunning(settings);
      const session = await Session.open({ settings });
      try {
        const found = await runDiagnosis(session, request, test, (workflowId) => {
          const server = settings.temporal.kind === 'embedded' ? embeddedServer(settings.home) : null;
          if (server !== null)
            say(`  Temporal UI  ${server.ui}/namespaces/default/workflows/${encodeURIComponent(workflowId)}`);
        });
        if (found.findings.some(({ verdict }) => verdict === 'fail')) process.exitCode = exitCode.studyFailed;
        if (json === true) {
          printJson(found);
          return;
        }
        const table = new Table({ head: ['check', '', 'found'], ...plainTable });
        for (const { check, verdict, found: what, hint } of found.findings) {
          table.push([check, verdict, printable(what, 300)]);
          if (hint !== undefined) table.push(['', '', `  ${printable(hint, 300)}`]);
        }
        print(table.toString());
      } finally {
        await session.close();
      }
    });
}
