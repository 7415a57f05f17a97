import type { Settings, SiteSettings } from '../config/settings';
import { PerdureError } from '../study/error';

/** A site of the settings. @throws {@link PerdureError} `NotFound` */
export function namedSite({ sites }: Settings, name: string): SiteSettings {
  const site = Object.hasOwn(sites, name) ? sites[name] : undefined;
  if (site !== undefined) return site;
  throw new PerdureError('NotFound', `the settings have no site '${name}'`, {
    hint: `they have: ${Object.keys(sites).join(', ')}`,
  });
}
