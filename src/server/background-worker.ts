import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Settings, SiteSettings, TransportSettings } from '../config/settings';
import { valueOf } from '../config/user-directory';
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

/** What {@link ensureWorker} did. */
export interface EnsuredWorker {
  readonly started: boolean;
  /** Why a running worker was replaced; `null`: none was replaced. */
  readonly replaced: Replacement | null;
  /** Set if the running worker belongs to another installation of Perdure with different code. */
  readonly otherInstallation: Pick<Build, 'version' | 'root'> | null;
  /** The worker's process id. */
  readonly pid: number;
}

/**
 * Starts a worker for these settings in the background unless one runs. One that was started with other settings, or before this
 * installation was updated, is replaced; its jobs go on. A worker of another installation that still exists is kept: otherwise two
 * installations would replace each other's worker at every command.
 * @throws {@link PerdureError} `Unavailable`
 */
export async function ensureWorker(settings: Settings): Promise<EnsuredWorker> {
  const { home } = settings;
  return withHomeLocked(home, async () => {
    const files = homeFiles(home);
    const wanted: Notes = {
      settingsHash: hashOf(settings),
      build: installedBuild(),
      agent: agentOf(settings),
    };
    const running = readProcess<Notes>(files.worker);
    const otherInstallation = running === null ? null : installationOf(running.notes, wanted);
    if (running !== null && otherInstallation !== null)
      return { started: false, replaced: null, otherInstallation, pid: running.identity.pid };
    const reason = running === null ? null : reasonToReplace(running.notes, wanted);
    if (running !== null && reason === null)
      return { started: false, replaced: null, otherInstallation: null, pid: running.identity.pid };
    const replaced = (await stopProcess(files.worker, stopGrace)) ? reason : null;
    const { identity } = await startProcess({
      file: files.worker,
      notes: wanted,
      log: files.workerLog,
      what: 'the worker',
      command: [process.execPath, ...nodeOptions, workerMain],
      // The command's working directory may be deleted or unmounted while the worker runs.
      cwd: home,
      env: workerEnvironment(settings, process.env),
      ready: (logged) => Promise.resolve(logged.includes('"msg":"worker ready"')),
    });
    return { started: true, replaced, otherInstallation: null, pid: identity.pid };
  });
}

/** @returns `false` where none ran */
export async function stopWorker(home: string): Promise<boolean> {
  return withHomeLocked(home, () => stopProcess(homeFiles(home).worker, stopGrace));
}

/** The other installation that the worker belongs to; `null` if that has the same code or no longer exists. */
function installationOf({ build: noted }: Notes, { build: own }: Notes): EnsuredWorker['otherInstallation'] {
  if (noted === undefined || own === undefined || noted.root === own.root || noted.hash === own.hash)
    return null;
  return existsSync(join(noted.root, 'package.json')) ? noted : null;
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

/** Variables with a path, which Node or a library reads. */
const fileVariables = [
  ...['TEMPORAL_CONFIG_FILE', 'TEMPORAL_TLS_CLIENT_CERT_PATH', 'TEMPORAL_TLS_CLIENT_KEY_PATH'],
  ...['TEMPORAL_TLS_SERVER_CA_CERT_PATH', 'NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE', 'SSL_CERT_DIR'],
  ...['PGPASSFILE', 'PGSSLCERT', 'PGSSLKEY', 'PGSSLROOTCERT', 'SSH_AUTH_SOCK'],
];

/** The command's environment for a worker that runs in another directory: relative paths are made absolute. */
export function workerEnvironment(
  { home, file }: Pick<Settings, 'home' | 'file'>,
  env: NodeJS.ProcessEnv,
): NodeJS.ProcessEnv {
  const files = fileVariables.flatMap((name) => {
    const path = valueOf(env, name);
    return path === undefined ? [] : [[name, resolve(path)] as const];
  });
  const options = valueOf(env, 'NODE_OPTIONS');
  return {
    ...env,
    ...Object.fromEntries(files),
    // The command's debugger options would make the worker use the same port, or wait for a debugger at its first line.
    ...(options === undefined ? {} : { NODE_OPTIONS: options.replace(/(^|\s)--inspect\S*/g, '').trim() }),
    PERDURE_HOME: home,
    ...(file === null ? {} : { PERDURE_CONFIG: resolve(file) }),
  };
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
