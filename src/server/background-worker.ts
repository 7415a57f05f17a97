import { createHash } from 'node:crypto';
import { join, resolve } from 'node:path';
import type { Settings } from '../config/settings';
import { readProcess, startProcess, stopProcess } from './background-process';
import { embeddedServer } from './embedded-server';
import { homeFiles, withHomeLocked } from './home';

interface Notes {
  /** Of all that the worker was started with. */
  readonly settingsHash: string;
}

/** A worker ends its waiting within its own grace time of ten seconds. */
const stopGrace = 20_000;
/**
 * V8 lets young objects pile up far more than a worker gains by it: with this, a study of 2,000 trials took 350 MB instead of 560,
 * and no more time.
 */
const nodeOptions = ['--disable-warning=ExperimentalWarning', '--max-semi-space-size=4'];
const workerMain = resolve(__dirname, '..', '..', 'dist', 'worker', 'main.js');

/**
 * Starts a worker for these settings in the background unless one runs. One that was started with other settings is
 * replaced; its jobs go on.
 * @throws {@link PerdureError} `Unavailable`
 */
export async function ensureWorker(
  settings: Settings,
): Promise<{ readonly started: boolean; readonly replaced: boolean }> {
  const { home } = settings;
  return withHomeLocked(home, async () => {
    const files = homeFiles(home);
    const settingsHash = hashOf(settings);
    const running = readProcess<Notes>(files.worker);
    if (running?.notes.settingsHash === settingsHash) return { started: false, replaced: false };
    const replaced = await stopProcess(files.worker, stopGrace);
    await startProcess({
      file: files.worker,
      notes: { settingsHash },
      log: files.workerLog,
      what: 'the worker',
      command: [process.execPath, ...nodeOptions, workerMain],
      env: environment(settings),
      ready: (logged) => Promise.resolve(logged.includes('"msg":"worker ready"')),
    });
    return { started: true, replaced };
  });
}

export function workerRuns(home: string): boolean {
  return readProcess(homeFiles(home).worker) !== null;
}

/** @returns `false` where none ran */
export async function stopWorker(home: string): Promise<boolean> {
  return withHomeLocked(home, () => stopProcess(homeFiles(home).worker, stopGrace));
}

function environment(settings: Settings): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = { ...process.env, PERDURE_HOME: settings.home };
  if (settings.file !== null) env['PERDURE_CONFIG'] = resolve(settings.file);
  return env;
}

function hashOf(settings: Settings): string {
  const server = settings.temporal.kind === 'embedded' ? embeddedServer(settings.home)?.address : null;
  return createHash('sha256')
    .update(JSON.stringify([settings, server, join(__dirname)]))
    .digest('hex');
}
