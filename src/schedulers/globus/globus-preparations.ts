import { Preparations } from '../remote/preparations';
import type { SiteShell } from '../remote/site-shell';
import { Staging } from '../remote/staging';
import type { PreparationRequest } from '../preparation';
import type { GlobusSite } from './globus-site';

/** How often a preparation is looked at (milliseconds). */
const glance = 2000;

/**
 * What studies want prepared, made by the same scripts as on the login node of a PBS site: where the transport leads, or else on the
 * worker that takes the task, detached from it.
 */
export function globusPreparations(site: GlobusSite, shell: SiteShell): Preparations {
  return new Preparations({ ...site, pollInterval: glance }, shell, new Staging(shell), null);
}

/** There are no jobs but tasks here: what wants to be prepared in one is prepared in the one way there is. */
export function preparedHere<T extends Pick<PreparationRequest, 'preparation'>>(request: T): T {
  return { ...request, preparation: { ...request.preparation, in: 'login' } };
}
