import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Diagnosis } from '../../src';
import type { SiteState } from '../../src/cli/site-states';
import { brokerAvailable } from '../support/globus/broker';
import { GlobusCluster } from '../support/globus/globus-cluster';
import { globusSdkAvailable } from '../support/globus/python';
import { until } from '../support/installation';

const available = globusSdkAvailable() && brokerAvailable() && existsSync('/usr/bin/mpiexec.hydra');
const suite = available ? describe : describe.skip;
const missing = available ? '' : 'skipped: needs globus-compute-endpoint, rabbitmq-server and mpich: ';

/** Trials with ranks that the real daemon's engine with MPI starts, with a real MPI. */
suite(`${missing}at an endpoint with GlobusMPIEngine`, () => {
  let cluster: GlobusCluster;
  let folder: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'perdure-mpi-'));
    // The engine takes its nodes from a batch job's list, which is all that it wants of one.
    const nodes = join(folder, 'nodes');
    writeFileSync(nodes, 'localhost\n');
    const template = `heartbeat_period: 5
engine:
  type: GlobusMPIEngine
  mpi_launcher: mpiexec
  max_workers_per_block: 1
  address: 127.0.0.1
  loopback_address: 127.0.0.1
  provider:
    type: LocalProvider
    init_blocks: 1
    min_blocks: 0
    max_blocks: 1
    worker_init: export PBS_NODEFILE=${nodes}
    launcher:
      type: SimpleLauncher
`;
    cluster = await GlobusCluster.start({
      options: { ranks: { template } },
      settings: { resource_specification: { num_nodes: 1, ranks_per_node: 2 } },
    });
    await cluster.installation.must('up');
  });

  afterAll(async () => {
    await cluster.destroy();
    rmSync(folder, { recursive: true });
  });

  const diagnose = async (site: string, ...words: readonly string[]): Promise<Diagnosis> => {
    const { stdout } = await cluster.installation.perdure('diagnose', site, ...words, '--json');
    return JSON.parse(stdout) as Diagnosis;
  };

  test('a diagnosis finds the ranks that the engine starts, by its launcher', async () => {
    const { findings } = await diagnose('ranks', '--test', 'mpi', '-n', '3');
    expect(findings.map(({ check, verdict }) => [check, verdict])).toEqual([
      ['connectivity', 'pass'],
      ['python', 'pass'],
      ['host', 'pass'],
      ['mpi', 'pass'],
      ['tiles', 'pass'],
    ]);
    const mpi = findings.find(({ check }) => check === 'mpi');
    expect(mpi?.found).toMatch(/^3 ranks on .* by mpiexec -n 3 -ppn 3 -hosts localhost/);
  });

  test('perdure sites shows the last lines of its log, where a worker is idle', async () => {
    let log: readonly string[] = [];
    await until('they are there', async () => {
      const sites = JSON.parse(await cluster.installation.must('sites', '--json')) as readonly SiteState[];
      log = sites.find(({ site }) => site === 'ranks')?.log ?? [];
      return log.length > 0;
    });
    expect(log.join('\n')).toMatch(/INFO|DEBUG/);
    expect(log.join('\n')).not.toContain(cluster.service.broker?.password);
  });

  test('a job has the ranks that it asks for, and those of its site where it asks for none', async () => {
    const { installation } = cluster;
    installation.write(
      'ranks.py',
      'import os\n\ndef size(params):\n    return int(os.environ["PMI_SIZE"])\n',
    );
    const words = ['job', 'submit', 'ranks', '--function', 'ranks.py:size', '--wait', '--json'];
    const own = JSON.parse(await installation.must(...words, '--ranks-per-node', '3')) as object;
    expect(own).toMatchObject({ state: 'COMPLETE', result: 3 });
    expect(JSON.parse(await installation.must(...words))).toMatchObject({ state: 'COMPLETE', result: 2 });
  });
});
