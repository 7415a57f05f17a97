import { execFile } from 'node:child_process';
import { mkdir, rm, statfs, writeFile } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import { promisify } from 'node:util';
import type { Settings } from '../config/settings';
import { findTemporal } from '../server/temporal-program';
import { openLedgerToRead } from '../storage';
import { parseLedgerUrl } from '../storage/url';
import { withCleanUp } from '../study/clean-up';
import { isDiskFull, messageOf, PerdureError } from '../study/error';
import { makeWorkingDirectory } from './check-surroundings';
import { examineSites } from './examine-sites';
import { examineTemporal } from './examine-temporal';
import { look, type Finding } from './finding';

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
    return `${ledger.url}, ${String(studies.length)} studies`;
  });
  for (const directory of writtenDirectories(settings))
    yield await look(
      `free space in ${directory}`,
      () => freeSpaceIn(directory),
      'free some disk space; running work waits and then goes on',
    );
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

/** With less free space, the next writes to the ledger may fail (bytes). */
const minFreeBytes = 10_000_000;
/** Size of the file that is written as a test (bytes): only a write shows that a quota is used up. */
const probeBytes = 100_000;

/** @returns the free space, for display @throws {@link PerdureError} `Unavailable` if there is too little */
async function freeSpaceIn(directory: string): Promise<string> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const probe = join(directory, `.perdure-probe-${String(process.pid)}`);
  const write = (): Promise<void> =>
    writeFile(probe, Buffer.alloc(probeBytes), { flush: true }).catch((cause: unknown) => {
      const what = isDiskFull(cause) ? 'the disk is full' : 'nothing can be written';
      throw new PerdureError('Unavailable', `${what}: ${messageOf(cause)}`, { cause });
    });
  await withCleanUp(write, () => rm(probe, { force: true }));
  const { bavail, bsize } = await statfs(directory);
  const room = bavail * bsize;
  const shown = `${(room / 1e9).toPrecision(3)} GB free`;
  if (room < minFreeBytes) throw new PerdureError('Unavailable', `the disk is nearly full: ${shown}`);
  return shown;
}
