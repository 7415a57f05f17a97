import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { globusBin, globusSdkAvailable, runPython } from '../support/globus/python';

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
});
