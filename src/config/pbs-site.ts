import { appendAll } from '../study/lists';
import type { Problem } from '../study/problem';
import { parseWalltime } from './duration';
import { milliseconds } from './duration-schema';
import type { PbsSiteFile } from './pbs-site-schema';
import type { BlockSettings, PbsSiteSettings } from './settings';
import type { SettingsFile } from './settings-schema';
import type { SiteCircumstances } from './sites';
import { missing, transportOf } from './transport-setting';

/**
 * A PBS site with every default filled in; `undefined`, with a problem added, where it has no working directory or nobody
 * knows the user's name.
 */
export function pbsSiteOf(
  name: string,
  site: PbsSiteFile,
  { working_dirs }: Pick<SettingsFile, 'working_dirs'>,
  circumstances: SiteCircumstances,
): PbsSiteSettings | undefined {
  const path = ['sites', name];
  const workingDir = site.working_dir ?? working_dirs?.pbs ?? undefined;
  if (workingDir === undefined) {
    circumstances.problems.push(
      missing(path, 'working_dir', 'a directory at the site that compute nodes see'),
    );
  }
  const transport = transportOf(path, site.transport, circumstances);
  appendAll(circumstances.problems, blockProblems(name, site));
  if (workingDir === undefined || transport === undefined) return undefined;
  return {
    scheduler: 'pbs',
    transport,
    workingDir: workingDir.replace(/(?<=.)\/+$/, ''),
    account: site.account ?? null,
    queue: site.queue ?? null,
    select: site.select == null ? null : String(site.select),
    filesystems: site.filesystems ?? null,
    walltime: site.walltime == null ? null : (parseWalltime(site.walltime) ?? null),
    directives: site.directives,
    workerInit: site.worker_init.replace(/\r\n?/g, '\n'),
    pollInterval: milliseconds(site.poll_interval),
    maxJobs: site.max_jobs,
    blocks: site.blocks == null ? null : blocksOf(site.blocks),
    pbsBin: site.pbs_bin?.replace(/(?<=.)\/+$/, '') ?? null,
  };
}

function blockProblems(name: string, { blocks, walltime, max_jobs }: PbsSiteFile): readonly Problem[] {
  if (blocks == null) return [];
  const path = ['sites', name, 'blocks'];
  const { min_blocks, max_blocks } = blocks;
  const problems: Problem[] = [];
  if (walltime == null) {
    const message = 'a block has to know its walltime, to end its trials in time, and the site has none';
    problems.push({ path, message, hint: 'walltime: 01:00:00' });
  }
  if (min_blocks > max_blocks) {
    const message = `there can't be ${String(min_blocks)} blocks at least and ${String(max_blocks)} at most`;
    problems.push({ path: [...path, 'min_blocks'], message, hint: `max_blocks: ${String(min_blocks)}` });
  }
  if (max_jobs !== null && max_blocks > max_jobs) {
    const message = `a block is a job, and ${String(max_blocks)} are more than 'max_jobs' (${String(max_jobs)})`;
    problems.push({ path: [...path, 'max_blocks'], message, hint: `max_blocks: ${String(max_jobs)}` });
  }
  return problems;
}

function blocksOf(blocks: NonNullable<PbsSiteFile['blocks']>): BlockSettings {
  return {
    slotsPerNode: blocks.slots_per_node,
    minBlocks: blocks.min_blocks,
    maxBlocks: blocks.max_blocks,
    idleTimeout: milliseconds(blocks.idle_timeout),
    pin: blocks.pin,
  };
}
