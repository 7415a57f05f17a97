import { execFile } from 'node:child_process';
import { dirname, join, sep } from 'node:path';
import { promisify } from 'node:util';
import type { Settings } from '../config/settings';
import { findTemporal } from '../server/temporal-program';
import { openLedgerToRead } from '../storage';
import { parseLedgerUrl } from '../storage/url';
import { withCleanUp } from '../study/clean-up';
import { makeWorkingDirectory } from './check-surroundings';
import { examineSites } from './examine-sites';
import { examineTemporal } from './examine-temporal';
import { look, type Finding } from './finding';
import { freeSpaceIn } from './free-space';

const run = promisify(execFile);

/** Looks at everything that a study needs, in the order in which it needs it. */
export async function* examine(settings: Settings): AsyncGenerator<Finding> {
  yield { what: 'Node', ok: true, found: process.version };
  yield { what: 'settings', ok: true, found: settings.file ?? 'none; defaults hold' };
  yield await look(
    'Python',
    async () => {
      const { stdout } = await run('python3', ['--version']);
      return stdout.trim();
    },
    'trials that are Python functions need python3 on PATH, or `python:` in the study',
  );
  yield await look('ledger', async () => {
    const ledger = await openLedgerToRead(settings.storage);
    if (ledger === null) return 'none yet; perdure start FILE creates it';
    const studies = await withCleanUp(
      () => ledger.listStudies(),
      () => ledger.close(),
    );
    return `${ledger.url}, ${String(studies.length)} ${studies.length === 1 ? 'study' : 'studies'}`;
  });
  for (const directory of writtenDirectories(settings))
    yield await look(`free space in ${directory}`, () => freeSpaceIn(directory));
  for (const [site, settingsOfSite] of Object.entries(settings.sites)) {
    if (settingsOfSite.scheduler !== 'local') continue;
    const { workingDir, slots } = settingsOfSite;
    yield await look(`site ${site}`, async () => {
      await makeWorkingDirectory(site, workingDir);
      return `${String(slots)} slots in ${workingDir}`;
    });
  }
  yield* examineSites(settings);
  if (settings.temporal.kind === 'embedded') {
    const program = findTemporal(settings.home);
    yield {
      what: 'Temporal program',
      ok: true,
      found: program ?? 'not installed yet; `perdure up` installs it',
    };
  }
  yield* examineTemporal(settings);
}

/** The directories on this machine that Perdure writes to, without those inside another one. */
function writtenDirectories({ home, storage, sites }: Settings): readonly string[] {
  const ledger = parseLedgerUrl(storage);
  const all = [
    home,
    ...(ledger.kind === 'sqlite' ? [dirname(ledger.path)] : []),
    ...Object.values(sites).flatMap((site) => (site.scheduler === 'local' ? [site.workingDir] : [])),
  ];
  return [...new Set(all)].filter((one) => !all.some((other) => one.startsWith(join(other, sep))));
}
