import type { ControlAnswer, ControlRequest } from '../control/protocol';
import type { SiteSettings } from '../config/settings';
import { studyKey } from '../schedulers/job-key';
import { readJobLog } from '../schedulers/local/job-log';
import { LocalStoreroom } from '../schedulers/local/local-storeroom';
import { clean } from '../schedulers/storeroom';
import type { Cleaning } from '../study/site-upkeep';
import { logReply } from './carry-control';

/** What a site of this very machine can do without a worker. */
export interface NearSite {
  readLog(request: Extract<ControlRequest, { do: 'log' }>): Promise<ControlAnswer['log']>;
  clean(cleaning: Cleaning): Promise<ControlAnswer['clean']>;
}

/** @returns `null` where the site is somewhere else: a worker has the way to it */
export function nearSite(site: SiteSettings): NearSite | null {
  if (site.scheduler !== 'local') return null;
  const { workingDir } = site;
  return {
    readLog: async ({ study, number, attempt, part }) => {
      const log = await readJobLog(workingDir, { studyKey: studyKey(study), number, attempt }, part);
      return log === null ? null : logReply(log);
    },
    clean: (cleaning) => clean(new LocalStoreroom(workingDir), cleaning),
  };
}
