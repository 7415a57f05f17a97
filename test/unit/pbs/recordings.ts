import { globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const folder = resolve(__dirname, '..', '..', 'fixtures', 'openpbs');

/** What a real PBS answered, verbatim. */
export interface Recording {
  /** `FLAVOUR/NAME`; `main` is OpenPBS' main branch, `2022` the client of PBS Pro 2022 (22.05.11). */
  readonly name: string;
  readonly command: string;
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

const flavours: Readonly<Record<string, string>> = {
  'openpbs-main-cd7ab5e': 'main',
  'openpbs-22.05.11-client': '2022',
};

/** All of them, by name. */
export function recordings(): readonly Recording[] {
  return globSync('*/*.cmd', { cwd: folder })
    .sort()
    .map((path) => {
      const [flavour = '', file = ''] = path.split('/');
      const read = (end: string): string => readFileSync(join(folder, path.replace(/cmd$/, end)), 'utf8');
      return {
        name: `${flavours[flavour] ?? flavour}/${file.replace(/\.cmd$/, '')}`,
        command: read('cmd').trim(),
        status: Number(read('rc')),
        stdout: read('stdout'),
        stderr: read('stderr'),
      };
    });
}
