import { access } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { PerdureError } from '../study/error';
import { invalidInput, type Problem } from '../study/problem';
import { endpointSites } from './endpoint-sites';
import { placed } from './place';
import { procProblem } from './proc-place';
import { readText } from './read-text';
import type { Settings } from './settings';
import { settingsSchema, type SettingsFile } from './settings-schema';
import { shaped } from './shape';
import { defaultSites, sitesOf } from './sites';
import { storageOf, variablesOf } from './storage-setting';
import { timesOf } from './times';
import { userHome, valueOf, workingDirectory, xdg } from './user-directory';
import { parseYaml, type Place } from './yaml-source';

/** Where to look for settings. */
export interface SettingsOptions {
  /** `--config`; it has to exist. */
  readonly config?: string;
  /** Default: the process's own. */
  readonly cwd?: string;
  /** Default: the process's own. */
  readonly env?: NodeJS.ProcessEnv;
}

/**
 * The settings of this installation. The first of these is read: `config`, `PERDURE_CONFIG`, `./perdure.yaml`,
 * `perdure/perdure.yaml` in the user's configuration directory. Without any, defaults hold.
 * @throws {@link PerdureError} `InvalidInput` that tells of every problem with its line and column
 */
export async function loadSettings({
  config,
  cwd = workingDirectory(),
  env = process.env,
}: SettingsOptions = {}): Promise<Settings> {
  const file = await findFile(config, cwd, env);
  const home = homeOf(cwd, env);
  mustHold(home);
  const named = await endpointSites(home, env);
  if (file === null) return settingsFrom({}, { file, home, cwd, env, named, place: () => 'settings' });
  const source = parseYaml(await readText(resolve(cwd, file), 'settings file').catch(renamed(file)), file);
  if (source.data === null)
    return settingsFrom({}, { file: resolve(cwd, file), home, cwd, env, named, place: source.place });
  const form = shaped(settingsSchema, source);
  if (!form.ok) throw invalidInput(form.problems);
  return settingsFrom(form.value, { file: resolve(cwd, file), home, cwd, env, named, place: source.place });
}

/** Messages name a file as the user did. */
function renamed(file: string): (error: unknown) => never {
  return (error) => {
    if (!(error instanceof PerdureError)) throw error;
    const position = /(:\d+:\d+)$/.exec(error.where ?? '')?.[1] ?? '';
    throw new PerdureError(error.kind, error.message, { where: `${file}${position}`, hint: error.hint });
  };
}

async function findFile(
  config: string | undefined,
  cwd: string,
  env: NodeJS.ProcessEnv,
): Promise<string | null> {
  const asked = config ?? valueOf(env, 'PERDURE_CONFIG');
  if (asked !== undefined) return asked;
  const user = join(xdg(env, 'XDG_CONFIG_HOME', '.config'), 'perdure', 'perdure.yaml');
  for (const file of ['perdure.yaml', user]) if (await exists(resolve(cwd, file))) return file;
  return null;
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}

/** The state directory, absolute. */
function homeOf(cwd: string, env: NodeJS.ProcessEnv): string {
  const home = valueOf(env, 'PERDURE_HOME');
  return home === undefined
    ? join(xdg(env, 'XDG_STATE_HOME', '.local/state'), 'perdure')
    : resolve(cwd, expanded(home, env));
}

function mustHold(home: string): void {
  const problem = procProblem(home, 'the state directory');
  if (problem === undefined) return;
  const hint = 'name another one: export PERDURE_HOME=…';
  throw new PerdureError('InvalidInput', problem.message, { where: home, hint });
}

function expanded(path: string, env: NodeJS.ProcessEnv): string {
  return path === '~' || path.startsWith('~/') ? join(userHome(env), path.slice(1)) : path;
}

interface Circumstances {
  readonly file: string | null;
  readonly home: string;
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** Endpoints that were named on the command line. */
  readonly named: Settings['sites'];
  readonly place: Place;
}

function settingsFrom(data: SettingsFile, { file, home, cwd, env, named, place }: Circumstances): Settings {
  const problems: Problem[] = [];
  const base = file === null ? cwd : dirname(file);
  const absolute = (path: string): string => resolve(base, expanded(path, env));
  const sites = sitesOf(data, { home, absolute, agent: valueOf(env, 'SSH_AUTH_SOCK'), env, problems });
  const settings: Settings = {
    file,
    home,
    storage: storageOf(data.storage, { home, absolute, env, problems }),
    temporal: temporalOf(data, env, problems),
    ...(data.temporal?.encryption_key_env == null
      ? {}
      : { encryptionKeyEnv: data.temporal.encryption_key_env }),
    ...storageVariablesOf(data.storage),
    sites: { ...named, ...sites },
    defaultSites: defaultSites(data, sites),
    times: timesOf(env),
  };
  if (problems.length === 0) return settings;
  throw invalidInput(placed(problems, place));
}

function storageVariablesOf(storage: string | undefined): Pick<Settings, 'storageVariables'> {
  const names = variablesOf(storage ?? '');
  return names.length === 0 ? {} : { storageVariables: names };
}

function temporalOf(
  { temporal }: SettingsFile,
  env: NodeJS.ProcessEnv,
  problems: Problem[],
): Settings['temporal'] {
  const byEnvironment = ['TEMPORAL_ADDRESS', 'TEMPORAL_PROFILE', 'TEMPORAL_CONFIG_FILE'].some(
    (name) => valueOf(env, name) !== undefined,
  );
  // A key alone says nothing of another server.
  const { encryption_key_env: _key, ...server } = temporal ?? {};
  if (temporal == null || (_key !== undefined && Object.keys(server).length === 0)) {
    if (!byEnvironment) return { kind: 'embedded' };
    return { kind: 'external', profile: undefined, address: undefined, namespace: undefined };
  }
  const { address, namespace, profile } = temporal;
  if (address !== undefined && !isAddress(address)) {
    const hint = 'write HOST:PORT without a scheme: 127.0.0.1:7233';
    problems.push({
      path: ['temporal', 'address'],
      message: `'${address}' is not an address of Temporal`,
      hint,
    });
  }
  return { kind: 'external', profile, address, namespace };
}

function isAddress(address: string): boolean {
  const port = Number(/^(?:[^\s:/@[\]]+|\[[0-9a-fA-F:]+\]):(\d{1,5})$/.exec(address)?.[1] ?? NaN);
  return port > 0 && port < 65536;
}
