import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { embeddedServer } from '../../src/server/embedded-server';
import { browserAvailable, openPage } from '../support/browser';
import { Installation, until } from '../support/installation';
import { freePort } from '../support/postgres';

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
  }, 180_000);
  afterAll(async () => {
    if (dashboard !== undefined) {
      dashboard.kill('SIGKILL');
      await once(dashboard, 'exit');
    }
    await installation.must('down');
    await installation.destroy();
  }, 60_000);

  whenBrowser(
    'Temporal UI lists the study and tells its story',
    async () => {
      const ui = embeddedServer(installation.home)?.ui ?? '';
      const list = await openPage(`${ui}/namespaces/default/workflows`, picture('temporal-list'));
      expect(list).toContain('perdure/seen');
      const study = `${ui}/namespaces/default/workflows/${encodeURIComponent('perdure/seen')}`;
      const page = await openPage(study, picture('temporal-study'));
      expect(page).toContain('all 12 trials are done');
      expect(page).toMatch(/x=-?[\d.]+ kind=(square|cube)/);
    },
    240_000,
  );

  whenBrowser(
    'optuna-dashboard shows it',
    async () => {
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
    },
    240_000,
  );
});
