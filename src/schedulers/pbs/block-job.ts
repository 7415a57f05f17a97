import { quote } from '../../transports/quote';
import type { Shim } from '../remote/shim';
import { jobScript } from './job-script';
import type { Blocks, PbsSite } from './pbs-site';

/** The PBS job of a block: the site's set-up, which may bring the Python, and the pilot. */
export function blockJob(site: PbsSite, blocks: Blocks, shim: Shim, name: string, jobName: string): string {
  const directory = `${site.workingDir}/${shim.path}`;
  const options = [
    '--working-dir',
    site.workingDir,
    '--block',
    name,
    '--slots-per-node',
    String(blocks.slotsPerNode),
    '--pin',
    blocks.pin,
    '--idle-timeout',
    String(blocks.idleTimeout / 1000),
    '--walltime',
    String(site.walltime ?? 0),
    '--wrapper',
    `${directory}/wrapper.sh`,
  ];
  return jobScript(site, { name: jobName, nodes: 1 }, [
    // What comes before the pilot counts too.
    'perdure_started=$(date +%s)',
    site.workerInit,
    `cd ${quote(site.workingDir)} || exit 70`,
    // The system's own may be older than 3.9.
    'for python in python3 python3.13 python3.12 python3.11 python3.10 python3.9; do',
    `  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 9))' 2>/dev/null || continue`,
    `  exec "$python" ${[`${directory}/perdure_pilot.py`, ...options].map(quote).join(' ')} --started "$perdure_started"`,
    'done',
    `echo 'a block needs Python 3.9 or newer: bring it by worker_init' >&2`,
    'exit 69',
  ]);
}
