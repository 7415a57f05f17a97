import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Broker } from '../support/globus/broker';
import { ComputeService } from '../support/globus/compute-service';
import { globusBin, globusSdkAvailable, runPython } from '../support/globus/python';
import { RealEndpoint } from '../support/globus/real-endpoint';
import { PbsStandIn } from '../support/pbs-stand-in';

/* What config/ has for an endpoint on Aurora, in the real daemon. */

const config = resolve(__dirname, '..', '..', 'config');
const template = join(config, 'globus_user_config_template.yaml.j2');
const schema = join(config, 'globus_user_config_schema.json');
const whenDaemon = globusSdkAvailable() ? describe : describe.skip;
const title = (what: string): string =>
  globusSdkAvailable() ? what : `skipped: needs the environment .venv/globus (${what})`;

whenDaemon(title('the endpoint for Aurora'), () => {
  let folder: string;
  const endpoint = (): string => join(folder, 'aurora-training');

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'perdure-aurora-'));
    // As the document has it.
    const command = ['configure', 'aurora-training', '--multi-user', 'false'];
    const files = ['--core-config', join(config, 'globus_endpoint.yaml'), '--template-config', template];
    execFileSync(
      join(globusBin, 'globus-compute-endpoint'),
      [...command, ...files, '--schema-config', schema],
      {
        env: { ...process.env, HOME: folder, GLOBUS_COMPUTE_USER_DIR: folder },
        stdio: 'pipe',
      },
    );
  });

  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  /** What the daemon makes of each of these: the engine and its provider, built, or why not. One Python does them all. */
  const built = (options: readonly object[]): Promise<unknown> =>
    runPython(
      `
import json, os, pathlib, pwd, sys
from globus_compute_endpoint.endpoint.config import utils
from globus_compute_endpoint.endpoint.identity_mapper import MappedPosixIdentity
folder = pathlib.Path(sys.stdin.readline().strip())
core = utils.get_config(folder)
path = folder / "user_config_template.yaml.j2"
def build(options):
    text = utils.render_config_user_template(
        core, utils.load_user_config_template(path), path,
        MappedPosixIdentity(pwd.getpwuid(os.getuid()), "someone", []),
        utils.load_user_config_schema(folder / "user_config_schema.json"), options, {})
    engine = utils.load_config_yaml(text).engine
    provider = engine.executor.provider
    return {
        "manager": [type(core).__name__, core.display_name, core.heartbeat_period],
        "engine": type(engine).__name__,
        "tiles": list(engine.executor.available_accelerators),
        "launcher": type(provider.launcher).__name__,
        **{key: getattr(provider, key) for key in
           ("queue", "walltime", "nodes_per_block", "max_blocks", "scheduler_options", "worker_init")},
    }
def outcome(options):
    try:
        return build(options)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
print(json.dumps([outcome(options) for options in json.loads(sys.stdin.read())]))`,
      {},
      { input: `${endpoint()}\n${JSON.stringify(options)}` },
    );

  test('gives each of 12 trials of a node a tile, and takes what a study wants instead, with its quotes and lines', async () => {
    const worker_init = `module load frameworks\necho "it's $HOME" \\\n  && export A='{{ b }}'`;
    const mpi = {
      account: 'MyProject',
      queue: 'capacity',
      walltime: '06:00:00',
      mpi: true,
      nodes_per_block: 4,
      nodes_per_trial: 2,
      max_blocks: 3,
      scheduler_options: '#PBS -k doe',
      worker_init,
    };
    expect(await built([{ account: 'MyProject' }, mpi])).toMatchObject([
      {
        manager: ['CoreEndpointConfig', 'aurora-training', 30],
        engine: 'GlobusComputeEngine',
        tiles: Array.from({ length: 12 }, (_, tile) => String(tile)),
        launcher: 'MpiExecLauncher',
        queue: 'debug',
        walltime: '01:00:00',
        nodes_per_block: 1,
        max_blocks: 1,
        scheduler_options: '#PBS -l filesystems=home:flare\n#PBS -l place=scatter\n',
        worker_init:
          'export ZE_FLAT_DEVICE_HIERARCHY=FLAT\nexport TMPDIR=/tmp\nmodule load frameworks\nsource $HOME/globus-compute/bin/activate',
      },
      {
        engine: 'GlobusMPIEngine',
        launcher: 'SimpleLauncher',
        queue: 'capacity',
        walltime: '06:00:00',
        nodes_per_block: 4,
        max_blocks: 3,
        scheduler_options: '#PBS -l filesystems=home:flare\n#PBS -l place=scatter\n#PBS -k doe',
        worker_init: `export ZE_FLAT_DEVICE_HIERARCHY=FLAT\nexport TMPDIR=/tmp\n${worker_init}`,
      },
    ]);
  });

  test('refuses what is missing, unknown or dangerous, and says why', async () => {
    const wrong: readonly (readonly [object, string])[] = [
      [{}, "'account' is a required property"],
      [{ account: 'X', walltme: '01:00:00' }, "'walltme' was unexpected"],
      [{ account: 'X; rm -rf /' }, 'does not match'],
      [{ account: 'X', walltime: '1h' }, 'does not match'],
      [{ account: 'X', workers_per_node: 24 }, '24 is greater than the maximum of 12'],
      [{ account: 'X', scheduler_options: '#PBS -k doe\nrm -rf /' }, 'does not match'],
    ];
    expect(await built(wrong.map(([options]) => options))).toEqual(
      wrong.map(([, words]) => expect.stringContaining(words) as unknown),
    );
  });

  test('runs tasks in jobs of PBS', async () => {
    const service = await ComputeService.start({ broker: await Broker.shared() });
    const pbs = await PbsStandIn.start({
      nodes: 1,
      queues: { debug: {} },
      cpusPerNode: 208,
      requireAccount: true,
      requireResources: ['filesystems'],
    });
    let daemon: RealEndpoint | undefined;
    try {
      // A launcher of one node needs no more than this of MPI.
      const mpiexec = join(pbs.bin, 'mpiexec');
      writeFileSync(mpiexec, '#!/bin/sh\nwhile [ "$1" != /usr/bin/sh ]; do shift; done\nexec "$@"\n');
      chmodSync(mpiexec, 0o755);
      const setup = `export PATH=${pbs.bin}:${globusBin}:$PATH`;
      daemon = await RealEndpoint.start(service, {
        // The test's machine has fewer cores, and asks the internet for its address without this.
        template: readFileSync(template, 'utf8').replace('cpu_affinity: block', 'address: 127.0.0.1'),
        schema: JSON.parse(readFileSync(schema, 'utf8')) as object,
        env: { PATH: `${pbs.bin}:${globusBin}:${process.env['PATH'] ?? ''}` },
      });
      const client = service.auth.register('confidential', { identity: service.auth.user });
      const options = { account: 'MyProject', workers_per_node: 2, worker_init: setup };
      const result = await runPython(
        `
import json, os, sys
from globus_compute_sdk import Client, Executor
from globus_compute_sdk.serialize import JSONData, PureSourceTextInspect
client = Client(data_serialization_strategy=JSONData())
source = """
def seen(x):
    import os, time
    time.sleep(1)
    return [x, os.environ["ZE_AFFINITY_MASK"], os.environ["ZE_FLAT_DEVICE_HIERARCHY"], os.environ.get("PBS_JOBID", "")]
"""
with Executor(endpoint_id="${daemon.id}", client=client, result_serializers=[JSONData()],
              user_endpoint_config=json.loads(sys.stdin.read())) as executor:
    function = executor.register_source_code(source, "seen")
    futures = [executor.submit_to_registered_function(function, args=(i,)) for i in range(4)]
    print(json.dumps([future.result(timeout=150) for future in futures]))`,
        { ...service.environment(client), GLOBUS_COMPUTE_USER_DIR: folder },
        { input: JSON.stringify(options), timeoutMs: 200_000 },
      );
      const [job] = pbs.jobs();
      expect(job?.attributes['Resource_List.filesystems']).toBe('home:flare');
      const seen = result as readonly (readonly [number, string, string, string])[];
      expect(seen.map(([x]) => x)).toEqual([0, 1, 2, 3]);
      expect(new Set(seen.map(([, tile]) => tile))).toEqual(new Set(['0', '1']));
      expect(new Set(seen.map(([, , hierarchy]) => hierarchy))).toEqual(new Set(['FLAT']));
      expect(new Set(seen.map(([, , , id]) => id))).toEqual(new Set([job?.id]));
    } catch (error) {
      throw new Error(`${String(error)}\n${daemon?.output() ?? ''}\n${daemon?.userEndpointLogs() ?? ''}`, {
        cause: error,
      });
    } finally {
      await daemon?.stop();
      await pbs.destroy();
      await service.stop();
    }
  });
});
