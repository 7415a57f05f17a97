import { execFile } from 'node:child_process';
import { mkdir, rm, statfs, writeFile } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import { promisify } from 'node:util';
import type { Client } from '@temporalio/client';
import { temporal } from '@temporalio/proto';
import { connect } from '../client/connect';
import { registerSearchAttributes } from '../client/search-attribute-registry';
import type { Settings } from '../config/settings';
import { findTemporal } from '../server/temporal-program';
import { openLedger } from '../storage';
import { withCleanUp } from '../study/clean-up';
import { parseLedgerUrl } from '../storage/url';
import { isDiskFull, messageOf, PerdureError } from '../study/error';
import { siteQueue, STUDY_QUEUE } from '../study/task-queues';
import { makeWorkingDirectory } from './check-surroundings';
import { examineSites } from './examine-sites';

const run = promisify(execFile);

/** One thing that `perdure doctor` looked at. */
export interface Finding {
  readonly what: string;
  readonly ok: boolean;
  readonly found: string;
  readonly hint?: string;
  /** It is Temporal that can't be reached. */
  readonly temporal?: boolean;
}

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
    const ledger = await openLedger(settings.storage);
    const studies = await ledger.listStudies();
    await ledger.close();
    return `${ledger.url}, ${String(studies.length)} studies`;
  });
  for (const directory of writtenDirectories(settings))
    yield await look(
      `room in ${directory}`,
      () => roomIn(directory),
      'make room: running work waits for it and then goes on',
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

async function* examineTemporal(settings: Settings): AsyncGenerator<Finding> {
  let client: Client;
  try {
    client = await connect(settings);
  } catch (error) {
    yield { ...failure('Temporal', error), temporal: true };
    return;
  }
  yield* await withCleanUp(
    () => examineConnected(settings, client),
    () => client.connection.close(),
  );
}

async function examineConnected(settings: Settings, client: Client): Promise<readonly Finding[]> {
  const found: Finding[] = [
    { what: 'Temporal', ok: true, found: `answers, namespace ${client.options.namespace}` },
    await look('search attributes', async () => {
      const missing = await registerSearchAttributes(client);
      return missing.length === 0 ? 'registered' : `registered now: ${missing.join(', ')}`;
    }),
  ];
  for (const queue of [STUDY_QUEUE, ...Object.keys(settings.sites).map(siteQueue)]) {
    const { pollers } = await client.workflowService.describeTaskQueue({
      namespace: client.options.namespace,
      taskQueue: { name: queue },
      taskQueueType: temporal.api.enums.v1.TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
    });
    const count = pollers.length;
    const hint = count === 0 ? 'start one: perdure up' : undefined;
    found.push({ what: `workers of '${queue}'`, ok: count > 0, found: String(count), hint });
  }
  return found;
}

/** Where Perdure writes on this machine: each directory once, and none inside another one. */
function writtenDirectories({ home, storage, sites }: Settings): readonly string[] {
  const ledger = parseLedgerUrl(storage);
  const all = [
    home,
    ...(ledger.kind === 'sqlite' ? [dirname(ledger.path)] : []),
    ...Object.values(sites).flatMap((site) => (site.scheduler === 'local' ? [site.workingDir] : [])),
  ];
  return [...new Set(all)].filter((one) => !all.some((other) => one.startsWith(join(other, sep))));
}

/** Below this a ledger can't be relied on to grow (bytes). */
const leastRoom = 10_000_000;
/** A quota shows itself only when something is written (bytes). */
const probeSize = 100_000;

/** @returns how much room there is @throws {@link PerdureError} `Unavailable` where there is none */
async function roomIn(directory: string): Promise<string> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const probe = join(directory, `.perdure-room-${String(process.pid)}`);
  try {
    await writeFile(probe, Buffer.alloc(probeSize), { flush: true });
  } catch (cause) {
    const what = isDiskFull(cause) ? 'the disk is full' : 'nothing can be written';
    throw new PerdureError('Unavailable', `${what}: ${messageOf(cause)}`, { cause });
  } finally {
    await rm(probe, { force: true });
  }
  const { bavail, bsize } = await statfs(directory);
  const room = bavail * bsize;
  const shown = `${(room / 1e9).toPrecision(3)} GB free`;
  if (room < leastRoom) throw new PerdureError('Unavailable', `the disk is nearly full: ${shown}`);
  return shown;
}

async function look(what: string, work: () => Promise<string>, hint?: string): Promise<Finding> {
  try {
    return { what, ok: true, found: await work() };
  } catch (error) {
    const found = failure(what, error);
    return { ...found, hint: found.hint ?? hint };
  }
}

function failure(what: string, error: unknown): Finding {
  if (error instanceof PerdureError) return { what, ok: false, found: error.message, hint: error.hint };
  return { what, ok: false, found: messageOf(error) };
}
