import type { Diagnosis } from '../../src';
import { TwoSites } from '../support/jobs-at-sites';

let sites: TwoSites;
beforeAll(async () => {
  sites = await TwoSites.start();
});
afterAll(() => sites.destroy());

/** Debian's, which has its PyTorch. */
const python = '/usr/bin/python3';

test.each(['local', 'cluster'])('everything is looked at, at %s', async (site) => {
  const words = ['diagnose', site, '--test', 'comprehensive', '-n', '3', '--python', python, '--json'];
  const { findings } = JSON.parse(await sites.installation.must(...words)) as Diagnosis;
  const verdicts = Object.fromEntries(findings.map(({ check, verdict }) => [check, verdict]));
  expect(verdicts).toMatchObject({ connectivity: 'pass', python: 'pass', torch: 'pass', mpi: 'pass' });
  expect(verdicts).toMatchObject({ devices: 'warn', 'matmul float32': 'pass', tiles: 'pass' });
  expect(findings.find(({ check }) => check === 'mpi')?.found).toMatch(/^3 ranks on /);
  expect(findings.find(({ check }) => check === 'parallel')?.found).toMatch(
    /^3 tasks, at most [123] at once/,
  );
});

test('a Python without PyTorch is told of, with exit code 1', async () => {
  const venv = `${sites.installation.folder}/venv/bin/python`;
  const made = await sites.installation.perdure(
    'job',
    'submit',
    'local',
    '--id',
    'venv',
    '--wait',
    '--command',
    JSON.stringify([python, '-m', 'venv', '--without-pip', `${sites.installation.folder}/venv`]),
  );
  expect(made.code).toBe(0);
  const { code, stdout } = await sites.installation.perdure(
    'diagnose',
    'local',
    '--test',
    'torch',
    '--python',
    venv,
  );
  expect(code).toBe(1);
  expect(stdout).toMatch(/torch +fail +no PyTorch in .*venv\/bin\/python: ModuleNotFoundError/);
  expect(stdout).toContain('--python');
});
