import { suggestion } from '../study/nearest';
import type { Problem } from '../study/problem';
import { procProblem } from './proc-place';

interface Circumstances {
  readonly home: string;
  readonly absolute: (path: string) => string;
  readonly env: NodeJS.ProcessEnv;
  readonly problems: Problem[];
}

/**
 * The ledger's address: as the settings say, with `${NAME}` taken from the environment and a path of SQLite made
 * absolute; by default `ledger.db` in the state directory.
 */
export function storageOf(
  storage: string | undefined,
  { home, absolute, env, problems }: Circumstances,
): string {
  if (storage === undefined) return `sqlite:///${home}/ledger.db`;
  const before = problems.length;
  const url = substituted(storage, env, problems);
  if (problems.length > before) return url;
  const wrong = addressProblem(url);
  if (wrong !== undefined) problems.push({ path: ['storage'], ...wrong });
  const [, path] = sqlite.exec(url) ?? [];
  if (path === undefined) return url;
  const misplaced = procProblem(absolute(path), 'the ledger');
  if (misplaced !== undefined) problems.push({ path: ['storage'], ...misplaced });
  return `sqlite:///${absolute(path)}`;
}

const sqlite = /^sqlite(?:\+\w+)?:\/\/\/(.*)$/is;

function addressProblem(url: string): Pick<Problem, 'message' | 'hint'> | undefined {
  const [, path] = sqlite.exec(url) ?? [];
  if (path === '' || path === ':memory:') {
    return { message: 'a ledger needs a file', hint: 'write sqlite:////absolute/path.db' };
  }
  if (path?.includes('?') === true) {
    const [file = ''] = path.split('?');
    const message = `an address of SQLite takes no options here, and has '?${path.slice(file.length + 1)}'`;
    return { message, hint: `write sqlite:///${file}` };
  }
  if (path !== undefined) return undefined;
  const [, scheme, rest] = /^([a-z0-9]+)(?:\+\w+)?:\/\/(.*)$/is.exec(url) ?? [];
  const known = /^postgres(ql)?$/i.test(scheme ?? '');
  if (known && URL.canParse(`postgresql://${rest ?? ''}`)) return undefined;
  return {
    // The whole of it may hold a password.
    message: known
      ? 'the address of the PostgreSQL database can not be read'
      : `a ledger can't be kept at '${scheme === undefined ? url : `${scheme}://…`}'`,
    hint: 'write sqlite:////absolute/path.db or postgresql://user:password@host:5432/database',
  };
}

/** A password as it may stand in an address: what would end it there is escaped, and what is escaped already stays. */
function inUserInfo(value: string): string {
  return value.replace(/[/?#@[\]\s]|%(?![0-9a-f]{2})/gi, encodeURIComponent);
}

const variable = /\$\{([^}]*)\}/g;

/** Names of the environment variables in a ledger's address. */
export function variablesOf(storage: string): readonly string[] {
  return [...storage.matchAll(variable)].map(([, name = '']) => name);
}

function substituted(text: string, env: NodeJS.ProcessEnv, problems: Problem[]): string {
  return text.replace(variable, (_, name: string, at: number) => {
    const value = env[name];
    if (value !== undefined && value !== '') return at < text.lastIndexOf('@') ? inUserInfo(value) : value;
    const names = Object.keys(env).filter((known) => known.length > 3);
    const near = suggestion(name, names)?.startsWith('did') === true ? suggestion(name, names) : undefined;
    const message = `'storage' needs the environment variable ${name}, which is not set`;
    problems.push({ path: ['storage'], message, hint: near ?? `export ${name}=…` });
    return '';
  });
}
