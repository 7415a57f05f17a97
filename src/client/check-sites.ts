import { checkSites } from '../config';
import type { Settings } from '../config/settings';
import type { StudySpec } from '../study/spec';
import { checkEndpoints } from './check-endpoints';
import { checkPrograms } from './local-programs';

/**
 * Makes sure that a study's trials can run at its sites: the settings have them, what they run on this machine is there, and endpoints
 * take their configuration.
 * @throws {@link PerdureError} `InvalidInput`
 */
export async function checkSitesOf(spec: StudySpec, settings: Settings): Promise<void> {
  checkSites(spec, settings);
  const local = spec.sites.some((site) => settings.sites[site]?.scheduler === 'local');
  if (local) await checkPrograms({ trial: spec.trial }, { local });
  await checkEndpoints(settings, spec.sites);
}
