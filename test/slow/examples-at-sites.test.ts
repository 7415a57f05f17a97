import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { brokerAvailable } from '../support/globus/broker';
import { GlobusCluster } from '../support/globus/globus-cluster';
import { globusSdkAvailable } from '../support/globus/python';
import { PbsStandIn } from '../support/pbs-stand-in';
import { torchAvailable, torchPython } from '../support/torch';

const examples = resolve(__dirname, '..', '..', 'examples');
const available = globusSdkAvailable() && brokerAvailable() && torchAvailable();
const suite = available ? describe : describe.skip;
const missing = available
  ? ''
  : 'skipped: needs globus-compute-endpoint, rabbitmq-server and python3-torch: ';

/** The examples with real PyTorch in a queue of PBS and at the real endpoint daemon. */
suite(`${missing}examples away from the worker`, () => {
  let home: string;
  let pbs: PbsStandIn;
  let cluster: GlobusCluster;
  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), 'perdure-examples-'));
    pbs = await PbsStandIn.start({ cpusPerNode: 64, killDelaySeconds: 1, home });
    const queue = {
      scheduler: 'pbs',
      transport: { type: 'local' },
      working_dir: join(home, 'work'),
      pbs_bin: pbs.bin,
      poll_interval: '1s',
      walltime: '00:10:00',
    };
    cluster = await GlobusCluster.start({
      options: { endpoint: { engine: 'ProcessPoolEngine' } },
      sites: { queue },
    });
    for (const name of ['resnet18.py', 'torch_test.py'])
      cpSync(join(examples, name), join(cluster.installation.folder, name));
    await cluster.installation.must('up');
  });
  afterAll(async () => {
    await cluster.destroy();
    await pbs.destroy();
    rmSync(home, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  });

  test('ResNet-18 learns at each of them', async () => {
    const study = parse(readFileSync(join(examples, 'resnet18.yaml'), 'utf8')) as Record<string, object>;
    const params = { learning_rate: 0.01, batch_size: 32, optimizer: 'adam', num_epochs: 3, width: 8 };
    const run = async (site: string): Promise<unknown> => {
      const small = {
        ...study,
        name: site,
        sites: [site],
        // Small enough for a test.
        space: {
          ...study['space'],
          num_epochs: { type: 'int', low: 1, high: 4 },
          width: { type: 'categorical', choices: [8] },
        },
        trial: {
          ...study['trial'],
          python: torchPython,
          env: { RESNET18_SAMPLES: '600', OMP_NUM_THREADS: '1' },
        },
        enqueue: [params],
        budget: { trials: 1, parallel: 1 },
      };
      await cluster.installation.must(
        'run',
        cluster.installation.write(`${site}.yaml`, JSON.stringify(small)),
      );
      return JSON.parse(await cluster.installation.must('trials', site, '--json'));
    };
    for (const trials of await Promise.all(['queue', 'endpoint'].map(run))) {
      expect(trials).toMatchObject([{ state: 'COMPLETE', params }]);
      const [{ values }] = trials as [{ values: readonly number[] }];
      // Ten classes: who guesses is right once in ten times.
      expect(values[0]).toBeGreaterThan(0.25);
    }
  });

  test('torch_test.yaml, and the jobs of submit-job.ts, at the endpoint', async () => {
    const { installation } = cluster;
    const study = readFileSync(join(examples, 'torch_test.yaml'), 'utf8')
      .replace('python: python3', `python: ${torchPython}`)
      .replace('trials: 12, parallel: 4', 'trials: 2, parallel: 2');
    await installation.must('run', installation.write('torch.yaml', `${study}sites: [endpoint]\n`));
    expect(JSON.parse(await installation.must('trials', 'torch-test', '--json'))).toMatchObject([
      { state: 'COMPLETE', params: { lr: 0.01, batch: 32, optimizer: 'adam' } },
      { state: 'COMPLETE' },
    ]);
    const { stdout } = await promisify(execFile)('npx', ['tsx', join(examples, 'submit-job.ts')], {
      cwd: resolve(examples, '..'),
      env: { ...installation.env, SITE: 'endpoint', PYTHON: torchPython },
    });
    expect(stdout).toMatch(/^torch-0\.001-at-endpoint COMPLETE \{.*"loss":0\.\d+/m);
    expect(stdout).toMatch(/^torch-0\.01-at-endpoint COMPLETE /m);
  });
});
