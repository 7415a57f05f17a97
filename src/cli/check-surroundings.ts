import { access, constants, mkdir } from 'node:fs/promises';
import { dataConverterOf } from '../client/payload-encryption';
import type { Settings } from '../config/settings';
import { makeHome } from '../server/home';
import { messageOf, PerdureError } from '../study/error';
import { levelOf } from '../worker/log';

/**
 * What a worker in the background would not start with, told before anything is started.
 * @throws {@link PerdureError} `InvalidInput`
 */
export async function checkSurroundings(settings: Settings): Promise<void> {
  makeHome(settings.home);
  levelOf(process.env);
  await dataConverterOf(settings);
  for (const [name, site] of Object.entries(settings.sites))
    if (site.scheduler === 'local') await makeWorkingDirectory(name, site.workingDir);
}

/** A local site's working directory, made where it is not there. @throws {@link PerdureError} `InvalidInput` */
export async function makeWorkingDirectory(site: string, directory: string): Promise<void> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await access(directory, constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw new PerdureError('InvalidInput', `its working directory can't be used: ${messageOf(cause)}`, {
      where: `site ${site}`,
      hint: `name another one in the settings: working_dir of sites.${site}`,
      cause,
    });
  }
}
