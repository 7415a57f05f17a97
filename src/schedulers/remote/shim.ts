import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

/** What runs at the site: the wrapper, the Python shim, and the pilot of blocks. */
const parts = ['attempt', 'files', 'guard', 'inbox', 'launcher', 'nodes', 'pins', 'trial'] as const;
const names = [
  'wrapper.sh',
  'perdure_trial.py',
  'perdure_pilot.py',
  ...parts.map((part) => `perdure_pilot_${part}.py`),
];

/** Where the parts of Perdure that run at the site are. */
export interface Shim {
  /** `shim/HASH`, below the working directory. */
  readonly path: string;
}

/** The parts of Perdure that run at a site, in a directory that is named for their content: versions lie side by side. */
export interface SiteShim extends Shim {
  readonly files: readonly { readonly name: string; readonly bytes: Uint8Array }[];
}

export function readShim(): SiteShim {
  const folder = resolve(__dirname, '..', '..', '..', 'trial');
  const files = names.map((name) => ({ name, bytes: readFileSync(resolve(folder, name)) }));
  const hash = createHash('sha256');
  for (const { name, bytes } of files) hash.update(name).update('\0').update(bytes).update('\0');
  return { path: `shim/${hash.digest('hex').slice(0, 16)}`, files };
}
