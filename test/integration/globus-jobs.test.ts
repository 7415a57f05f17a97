import { join } from 'node:path';
import type { JobReport } from '../../src/client/batch-handle';
import type { StudyStatus } from '../../src/client/study-status';
import { brokerAvailable } from '../support/globus/broker';
import { GlobusCluster } from '../support/globus/globus-cluster';
import { globusSdkAvailable } from '../support/globus/python';
import { until } from '../support/installation';
import { jobCases, started, trainProgram } from '../support/job-cases';
import { torchAvailable } from '../support/torch';

const available = globusSdkAvailable() && brokerAvailable() && torchAvailable();
const suite = available ? describe : describe.skip;
const missing = available
  ? ''
  : 'skipped: needs globus-compute-endpoint, rabbitmq-server, python3-torch and mpich: ';

/** Jobs and a study, run by the real daemon. */
suite(`${missing}at a real endpoint`, () => {
  const site = 'endpoint';
  let cluster: GlobusCluster;
  beforeAll(async () => {
    const schema = { type: 'object', properties: { queue: { type: 'string' } }, additionalProperties: false };
    cluster = await GlobusCluster.start({
      options: { [site]: { engine: 'ProcessPoolEngine', workers: 3, schema } },
    });
    cluster.installation.write('train.py', trainProgram);
    await cluster.installation.must('up');
  });
  afterAll(() => cluster.destroy());

  jobCases(site, () => cluster.installation);

  test('a list of jobs runs each of them once, and tells which failed', async () => {
    const { installation } = cluster;
    const log = join(installation.folder, 'batch.log');
    const line = (i: number): string =>
      JSON.stringify({ job_id: `j${String(i)}`, function: 'train.py:train_wrapper', params: { i, log } });
    const numbers = Array.from({ length: 12 }, (_, i) => (i === 7 ? -7 : i));
    const file = installation.write('jobs.jsonl', numbers.map(line).join('\n'));
    const words = ['submit', site, file, '--name', 'twelve', '--parallel', '6', '--wait', '--json'];
    const { code, stdout } = await installation.perdure(...words);
    expect(code).toBe(1);
    const reports = JSON.parse(stdout) as readonly JobReport[];
    expect(reports.map(({ state }) => state)).toEqual(numbers.map((i) => (i < 0 ? 'FAIL' : 'COMPLETE')));
    expect(
      started(log)
        .map(Number)
        .toSorted((a, b) => a - b),
    ).toEqual(numbers.toSorted((a, b) => a - b));
  });

  test('a study comes to its end, and no file or history holds a secret', async () => {
    const { installation } = cluster;
    const study = {
      name: 'near',
      objective: { metric: 'value', direction: 'minimize' },
      space: { x: { type: 'float', low: 0, high: 1 } },
      trial: { command: ['sh', '-c', 'echo "$PERDURE_PARAM_x" >"$PERDURE_RESULT"'] },
      budget: { trials: 3, parallel: 2 },
      sites: [site],
    };
    await installation.must('run', installation.write('near.yaml', JSON.stringify(study)));
    const status = JSON.parse(await installation.must('status', 'near', '--json')) as StudyStatus;
    expect(status.trials).toMatchObject({ complete: 3, failed: 0 });
    await expect(cluster.leaks(['perdure/near', 'perdure/near/0'])).resolves.toEqual([]);
  });

  test('perdure sites tells when the endpoint was heard of', async () => {
    const { installation } = cluster;
    await installation.must('job', 'submit', site, '--command', 'true', '--wait');
    // The service is asked from time to time.
    await until(
      'it tells so',
      async () => /^endpoint's endpoint was heard of \d+ s ago$/m.test(await installation.must('sites')),
      90_000,
    );
  });
});
