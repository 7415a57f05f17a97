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

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'perdure-aurora-'));
  });

  afterAll(() => {
    rmSync(folder, { recursive: true });
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
