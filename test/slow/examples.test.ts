import { execFile, execFileSync } from 'node:child_process';
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { loadStudy } from '../../src/config';
import { Broker } from '../support/globus/broker';
import { ComputeService } from '../support/globus/compute-service';
import { globusBin, globusSdkAvailable } from '../support/globus/python';
import { RealEndpoint } from '../support/globus/real-endpoint';
import { Installation } from '../support/installation';
import { torchAvailable, torchFolder, torchPython } from '../support/torch';

const examples = resolve(__dirname, '..', '..', 'examples');
const whenTorch = torchAvailable() ? describe : describe.skip;
const title = (what: string): string => (torchAvailable() ? what : `skipped: needs python3-torch (${what})`);

test.each(globSync('*.yaml', { cwd: examples }))('examples/%s loads', async (name) => {
  const { spec, namesSites } = await loadStudy(join(examples, name));
  expect(spec.name).not.toBe('');
  // They go where the settings lead.
  expect(namesSites).toBe(false);
});

whenTorch(title('ResNet-18 on the CPU'), () => {
  let installation: Installation;

  beforeAll(() => {
    installation = new Installation();
  });
  afterAll(async () => {
    await installation.must('down');
    await installation.destroy();
  });

  test('is trained by a study, with its reports', async () => {
    const study = parse(readFileSync(join(examples, 'resnet18.yaml'), 'utf8')) as Record<string, object>;
    const params = { learning_rate: 0.01, batch_size: 32, optimizer: 'adam', num_epochs: 4, width: 8 };
    installation.write('resnet18.py', readFileSync(join(examples, 'resnet18.py'), 'utf8'));
    const file = installation.write(
      'resnet18.yaml',
      JSON.stringify({
        ...study,
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
        enqueue: [params, { ...params, num_epochs: 1, optimizer: 'sgd' }],
        budget: { trials: 2, parallel: 2 },
      }),
    );
    const { code, stdout, stderr } = await installation.perdure('run', file);
    expect({ code, stderr, stdout }).toMatchObject({ code: 0 });
    const session = await installation.session();
    try {
      const [first, second] = await session.ledger.readTrials('resnet18', { attrs: true });
      expect(first).toMatchObject({ state: 'COMPLETE', params });
      expect(second).toMatchObject({ state: 'COMPLETE' });
      // Ten classes: who guesses is right once in ten times.
      expect(first?.values?.[0]).toBeGreaterThan(0.4);
      expect([...(first?.intermediateValues.keys() ?? [])]).toEqual([1, 2, 3, 4]);
    } finally {
      await session.close();
    }
  });

  test('goes on from its checkpoint', () => {
    const folder = join(installation.folder, 'by-hand');
    mkdirSync(folder);
    const train = (epochs: number): string =>
      execFileSync(
        torchPython,
        [
          join(examples, 'resnet18.py'),
          JSON.stringify({ num_epochs: epochs, width: 8, learning_rate: 0.01 }),
        ],
        {
          encoding: 'utf8',
          env: {
            ...process.env,
            PYTHONPATH: resolve(examples, '..', 'trial'),
            PERDURE_CHECKPOINT_DIR: folder,
            RESNET18_SAMPLES: '200',
          },
        },
      );
    expect(train(1)).toContain('epoch 1 on cpu');
    const second = train(2);
    expect(second).toContain('going on after epoch 1');
    expect(second).not.toContain('epoch 1 on cpu');
    expect(second).toContain('epoch 2 on cpu');
  });

  test('is trained by the example in TypeScript', () => {
    const shown = execFileSync('npx', ['tsx', join(examples, 'resnet18-study.ts')], {
      encoding: 'utf8',
      cwd: resolve(examples, '..'),
      env: { ...installation.env, PYTHON: torchPython, TRIALS: '1', RESNET18_SAMPLES: '100' },
    });
    expect(shown).toMatch(/complete 1 of 1/);
    expect(shown).toMatch(/^best 0\.\d+/m);
  });
});

const whenEndpoint = torchAvailable() && globusSdkAvailable() ? describe : describe.skip;
whenEndpoint(title("Globus' own SDK, without Perdure"), () => {
  test('runs the same train_wrapper', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'perdure-examples-'));
    const service = await ComputeService.start({ broker: await Broker.shared() });
    let endpoint: RealEndpoint | undefined;
    try {
      const torch = torchFolder(join(folder, 'torch'));
      endpoint = await RealEndpoint.start(service, {
        engine: 'ProcessPoolEngine',
        env: { PYTHONPATH: torch, OMP_NUM_THREADS: '1' },
      });
      const client = service.auth.register('confidential', { identity: service.auth.user });
      // Nothing but what is sent may be found.
      const script = join(folder, 'user_test_pattern.py');
      for (const name of ['user_test_pattern.py', 'torch_test.py'])
        writeFileSync(join(folder, basename(name)), readFileSync(join(examples, name), 'utf8'));
      const shown = await run(script, endpoint.id, {
        ...service.environment(client),
        GLOBUS_COMPUTE_USER_DIR: folder,
      });
      expect(shown).toMatch(/^\{'loss': 0\.\d+, 'accuracy': 0\.\d+, 'device': 'cpu', 'torch': '1\./);
    } finally {
      await endpoint?.stop();
      await service.stop();
      rmSync(folder, { recursive: true });
    }
  });
});

async function run(script: string, endpoint: string, env: Record<string, string>): Promise<string> {
  const { stdout } = await promisify(execFile)(join(globusBin, 'python'), [script, endpoint], {
    env: { ...process.env, ...env },
    timeout: 200_000,
  });
  return stdout;
}
