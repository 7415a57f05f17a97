import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Settings, SiteSettings, TransportSettings } from '../config/settings';
import { readProcess, startProcess, stopProcess } from './background-process';
import { installedBuild, type Build } from './build';
import { embeddedServer } from './embedded-server';
import { homeFiles, withHomeLocked } from './home';

interface Notes {
  /** Of all that the worker was started with. */
  readonly settingsHash: string;
  /** Of what it runs; absent: it is of a version that did not note it. */
  readonly build?: Build;
  /** The socket of the ssh agent whose keys it uses. */
  readonly agent?: string;
}

/** Why a worker that ran was replaced. */
export type Replacement = 'settings' | 'update';

/** A worker ends its waiting within its own grace time of ten seconds. */
const stopGrace = 20_000;
/**
 * V8 lets young objects pile up far more than a worker gains by it: with this, a study of 2,000 trials took 350 MB instead of 560,
 * and no more time.
 */
const nodeOptions = ['--disable-warning=ExperimentalWarning', '--max-semi-space-size=4'];
const workerMain = resolve(__dirname, '..', '..', 'dist', 'worker', 'main.js');

/**
 * Starts a worker for these settings in the background unless one runs. One that was started with other settings, or before Perdure
 * was updated, is replaced; its jobs go on.
 * @throws {@link PerdureError} `Unavailable`
 */
export async function ensureWorker(
  settings: Settings,
): Promise<{ readonly started: boolean; readonly replaced: Replacement | null }> {
  const { home } = settings;
  return withHomeLocked(home, async () => {
    const files = homeFiles(home);
    const wanted: Notes = {
      settingsHash: hashOf(settings),
      build: installedBuild(),
      agent: agentOf(settings),
    };
    const running = readProcess<Notes>(files.worker);
    const reason = running === null ? null : reasonToReplace(running.notes, wanted);
    if (running !== null && reason === null) return { started: false, replaced: null };
    const replaced = (await stopProcess(files.worker, stopGrace)) ? reason : null;
    await startProcess({
      file: files.worker,
      notes: wanted,
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

function reasonToReplace(noted: Notes, wanted: Notes): Replacement | null {
  if (noted.build?.hash !== wanted.build?.hash) return 'update';
  if (noted.settingsHash !== wanted.settingsHash) return 'settings';
  // Each terminal may have an agent of its own. A worker keeps the one that it has, and with it the logins that a person helped
  // with, as long as that is there.
  const there = (agent: string | undefined): boolean => agent !== undefined && existsSync(agent);
  return there(wanted.agent) && !there(noted.agent) ? 'settings' : null;
}

function agentOf({ sites }: Settings): string | undefined {
  return Object.values(sites).flatMap((site) => {
    const transport = transportOf(site);
    return transport?.type === 'ssh2' && transport.agent !== undefined ? [transport.agent] : [];
  })[0];
}

function environment(settings: Settings): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = { ...process.env, PERDURE_HOME: settings.home };
  if (settings.file !== null) env['PERDURE_CONFIG'] = resolve(settings.file);
  return env;
}

function hashOf(settings: Settings): string {
  const server = settings.temporal.kind === 'embedded' ? embeddedServer(settings.home)?.address : null;
  return createHash('sha256')
    .update(JSON.stringify([{ ...settings, sites: withoutAgents(settings.sites) }, server]))
    .digest('hex');
}

function withoutAgents(sites: Settings['sites']): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(sites).map(([name, site]) => [
      name,
      { ...site, transport: { ...transportOf(site), agent: null } },
    ]),
  );
}

function transportOf(site: SiteSettings): TransportSettings | null {
  return 'transport' in site ? site.transport : null;
}
