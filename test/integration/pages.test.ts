import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import type { Diagnosis } from '../../src';
import { embeddedServer } from '../../src/server/embedded-server';
import { browserAvailable, openPage } from '../support/browser';
import { Installation, until } from '../support/installation';
import { freePort } from '../support/free-port';

/* What a person sees of a study in Temporal UI and in optuna-dashboard. PERDURE_TEST_SCREENSHOTS=FOLDER keeps pictures. */

const whenBrowser = browserAvailable() ? test : test.skip;
const title = browserAvailable() ? 'in Chromium' : 'skipped: needs Chromium';
const pictures = process.env['PERDURE_TEST_SCREENSHOTS'];

function picture(name: string): string | undefined {
  return pictures === undefined ? undefined : join(pictures, `${name}.png`);
}

describe(title, () => {
  let installation: Installation;
  let dashboard: ChildProcess | undefined;

  beforeAll(async () => {
    installation = new Installation();
    await installation.must('up');
    const file = installation.write(
      'seen.yaml',
      `name: seen
objective: {metric: loss, direction: minimize}
space: {x: {type: float, low: -5, high: 5}, kind: {type: categorical, choices: [square, cube]}}
sampler: {type: tpe, seed: 1, n_startup_trials: 5}
trial: {command: [sh, -c, 'awk -v x="$1" "BEGIN {{ print x * x }}" >"$PERDURE_RESULT"', sh, "{x}"]}
budget: {trials: 12, parallel: 3}
`,
    );
    await installation.must('run', file);
  });
  afterAll(async () => {
    if (dashboard !== undefined) {
      dashboard.kill('SIGKILL');
      await once(dashboard, 'exit');
    }
    await installation.must('down');
    await installation.destroy();
  });

  whenBrowser('Temporal UI lists the study and tells its story', async () => {
    const ui = embeddedServer(installation.home)?.ui ?? '';
    const list = await openPage(`${ui}/namespaces/default/workflows`, picture('temporal-list'));
    expect(list).toContain('perdure/seen');
    const study = `${ui}/namespaces/default/workflows/${encodeURIComponent('perdure/seen')}`;
    const page = await openPage(study, picture('temporal-study'));
    expect(page).toContain('all 12 trials are done');
    expect(page).toMatch(/x=-?[\d.]+ kind=(square|cube)/);
  });

  whenBrowser('Temporal UI tells what a diagnosis found', async () => {
    const words = ['diagnose', 'local', '--test', 'parallel', '-n', '2', '--python', '/usr/bin/python3'];
    const { name } = JSON.parse(await installation.must(...words, '--json')) as Diagnosis;
    const ui = embeddedServer(installation.home)?.ui ?? '';
    const id = encodeURIComponent(`perdure/diagnose/${name}`);
    const workflow = `${ui}/namespaces/default/workflows/${id}`;
    const timeline = await openPage(workflow, picture('temporal-diagnosis'));
    expect(timeline).toContain('what the jobs found');
    // The page of its details has the run in its address.
    const run = /workflows\/perdure%2Fdiagnose%2F[^/"]+\/([0-9a-f-]{36})/.exec(timeline)?.[1] ?? '';
    const page = await openPage(`${workflow}/${run}/user-metadata`, picture('temporal-diagnosis-details'));
    expect(page).toContain('Current Details');
    // The browser shows them in a frame of their own.
    const session = await installation.session();
    try {
      const { workflow: workflows } = await session.client();
      const asked = workflows.getHandle(`perdure/diagnose/${name}`).query('__temporal_workflow_metadata');
      const { currentDetails } = (await asked) as { readonly currentDetails: string };
      expect(currentDetails).toMatch(/^\*\*parallel at local: 4 pass\*\*\n/);
      expect(currentDetails).toMatch(/^- \*\*pass\*\* parallel: 2 tasks, at most 2 at once/m);
    } finally {
      await session.close();
    }
  });

  whenBrowser('optuna-dashboard shows it', async () => {
    const port = await freePort();
    const program = resolve(__dirname, '..', '..', '.venv', 'bin', 'optuna-dashboard');
    const url = `sqlite:///${join(installation.home, 'ledger.db')}`;
    dashboard = spawn(program, [url, '--host', '127.0.0.1', '--port', String(port)], { stdio: 'ignore' });
    const address = `http://127.0.0.1:${String(port)}`;
    await until('the dashboard answers', () =>
      fetch(`${address}/api/studies`).then(
        ({ ok }) => ok,
        () => false,
      ),
    );
    const list = await openPage(`${address}/dashboard`, picture('dashboard-list'));
    expect(list).toContain('seen');
    const study = await openPage(`${address}/dashboard/studies/1`, picture('dashboard-study'));
    expect(study).toContain('loss');
  });
});
