import { Observer } from '../pbs/observer';
import type { PbsSite } from '../pbs/pbs-site';
import { Preparations } from '../pbs/preparations';
import type { SiteShell } from '../pbs/site-shell';
import { Staging } from '../pbs/staging';
import type { PreparationRequest } from '../preparation';
import type { GlobusSite } from './globus-site';

/** How often a preparation is looked at (milliseconds). */
const glance = 2000;

/**
 * What studies want prepared, made by the same scripts as on the login node of a PBS site: where the transport leads, or else on the
 * worker that takes the task, detached from it.
 */
export function globusPreparations(site: GlobusSite, shell: SiteShell): Preparations {
  const shown: PbsSite = {
    site: site.site,
    workingDir: site.workingDir,
    workerInit: site.workerInit,
    account: null,
    queue: null,
    select: null,
    filesystems: null,
    walltime: null,
    directives: [],
    pollInterval: glance,
    maxJobs: null,
    blocks: null,
    pbsBin: '',
  };
  // It is asked for jobs of PBS only.
  const observer = new Observer(shell, { interval: glance, grace: glance, after: () => undefined });
  return new Preparations(shown, shell, new Staging(shown, shell), observer);
}

/** There are no jobs but tasks here: what wants to be prepared in one is prepared in the one way there is. */
export function preparedHere<T extends Pick<PreparationRequest, 'preparation'>>(request: T): T {
  return { ...request, preparation: { ...request.preparation, in: 'login' } };
}
