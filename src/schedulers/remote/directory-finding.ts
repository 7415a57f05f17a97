import type { SiteFinding } from '../../study/site-upkeep';

/**
 * Whether the site's working directory will do.
 * @param reached how the site was reached
 * @param directory where it is, if it can be written to
 */
export function directoryFinding(site: string, reached: string, directory: string | undefined): SiteFinding {
  const what = `site ${site}`;
  if (directory !== undefined) return { what, ok: true, found: `${reached}, works in ${directory}` };
  return {
    what,
    ok: false,
    found: `${reached}; its working directory can't be written to`,
    hint: 'does it exist, and is there space left in your quota?',
  };
}
