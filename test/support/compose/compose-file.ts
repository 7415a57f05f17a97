import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parse } from 'yaml';

export type Condition = 'service_started' | 'service_healthy' | 'service_completed_successfully';

/** A service of a compose file: the keys that ours uses. */
export interface Service {
  readonly image?: string;
  readonly build?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  /** `SOURCE:TARGET[:ro]`, or `TARGET` alone for a volume of the container's own. */
  readonly volumes?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: Condition }>>;
  readonly healthcheck?: { readonly test: readonly string[] };
}

/** The services of a compose file by name, with `${NAME}`, `${NAME:-default}` and `${NAME:?message}` filled in. */
export function readServices(
  file: string,
  env: Readonly<Record<string, string>>,
): Readonly<Record<string, Service>> {
  const data: unknown = parse(readFileSync(file, 'utf8'), { merge: true });
  const { services } = filled(data, env) as { readonly services: Readonly<Record<string, Service>> };
  return services;
}

function filled(value: unknown, env: Readonly<Record<string, string>>): unknown {
  if (Array.isArray(value)) return value.map((item) => filled(item, env));
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, filled(item, env)]));
  // Variables of an environment are text, whatever YAML takes them for.
  if (typeof value === 'number') return String(value);
  if (typeof value !== 'string') return value;
  return value.replace(/\$\{(\w+)(?::([-?])([^}]*))?\}/g, (_, name: string, kind?: string, text = '') => {
    const set = env[name];
    if (set !== undefined && set !== '') return set;
    if (kind === '-') return text as string;
    throw new Error(`the compose file needs ${name}: ${text as string}`);
  });
}

/** Variables of a file as `.env`. */
export function readEnvironment(file: string): Readonly<Record<string, string>> {
  const lines = readFileSync(file, 'utf8').split('\n');
  return Object.fromEntries(
    lines.flatMap((line) => {
      const [, name, value] = /^(\w+)=(.*)$/.exec(line) ?? [];
      return name === undefined || value === undefined ? [] : [[name, value]];
    }),
  );
}

/** What an image built from a Dockerfile runs. */
export interface BuiltImage {
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly directory: string;
  /** What the last stage copies, as volumes. */
  readonly copied: readonly string[];
}

/** The last stage of the Dockerfile of a folder: the instructions that ours uses. */
export function readDockerfile(folder: string): BuiltImage {
  const text = readFileSync(join(folder, 'Dockerfile'), 'utf8').replace(/\\\n\s*/g, '');
  const lines = text
    .slice(text.lastIndexOf('\nFROM '))
    .split('\n')
    .map((line) => line.trim());
  const instructions = (name: string): readonly string[] =>
    lines.filter((line) => line.startsWith(`${name} `)).map((line) => line.slice(name.length + 1));
  const words = (name: string): readonly string[] =>
    JSON.parse(instructions(name).at(-1) ?? '[]') as readonly string[];
  const directory = instructions('WORKDIR').at(-1) ?? '/';
  const copied = instructions('COPY').map((copy) => {
    const [from = '', to = ''] = copy.split(' ').filter((word) => !word.startsWith('--'));
    // The build stage works in the directory of the last stage; what it made is here.
    const source = from.startsWith(`${directory}/`) ? from.slice(directory.length + 1) : from;
    const target = join(
      to.startsWith('/') ? '/' : directory,
      to.endsWith('/') ? join(to, basename(source)) : to,
    );
    return `${join(folder, source)}:${target}:ro`;
  });
  return {
    command: [...words('ENTRYPOINT'), ...words('CMD')],
    environment: Object.fromEntries(
      instructions('ENV').flatMap((line) => line.split(' ').map((pair) => pair.split(/=(.*)/s).slice(0, 2))),
    ) as Record<string, string>,
    directory,
    copied,
  };
}
