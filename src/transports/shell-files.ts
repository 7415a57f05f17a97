import { randomBytes } from 'node:crypto';
import { PerdureError } from '../study/error';
import { quote } from './quote';
import { runScript } from './shell-script';
import type { DeadlineOption, GetOptions, PutOptions, RunResult, Transport } from './transport';

type Runner = Pick<Transport, 'run' | 'description'>;

/** Status of a script that found no such file. */
const absent = 44;

/**
 * `absent_or_fail`: leaves with the status for "no such file" only where the system says so. A file that can't be looked at
 * (no permission, a file system that hangs or fails) is not absent.
 */
const absentOrFail = `
fail() { printf '%s\\n' "$1" >&2; exit 1; }
absent_or_fail() {
  e=$(LC_ALL=C ls -dL "$p" 2>&1 >/dev/null)
  case $e in *": No such file or directory" | *": Not a directory") exit ${String(absent)} ;; esac
  fail "\${e:-it can not be read}"
}`;

/**
 * Files on top of {@link Transport.run}: nothing but a POSIX shell, `head -c` and `find -print0` is needed there. SFTP would be a
 * second protocol, which the user's own ControlMaster and a local shell do not have.
 */
export async function putFile(
  runner: Runner,
  path: string,
  bytes: Uint8Array,
  { mode = 0o600, timeoutMs }: PutOptions,
): Promise<void> {
  const target = safe(path, runner);
  const folder = target.slice(0, target.lastIndexOf('/') + 1);
  // The size is compared: a connection cut in the middle looks to `cat` like the end of the file.
  const script = `umask 077
p=${quote(target)} t=${quote(`${folder}.perdure-${randomBytes(8).toString('hex')}`)}
[ ! -d "$p" ] || { printf '%s\\n' 'it is a directory' >&2; exit 1; }
cat >"$t" && [ "$(($(wc -c <"$t")))" -eq ${String(bytes.length)} ] &&
  chmod ${mode.toString(8)} "$t" && mv -f "$t" "$p" || { rm -f "$t"; exit 1; }`;
  const result = await runScript(runner, { script, input: bytes }, { timeoutMs });
  if (result.status !== 0) throw failed(runner, `can't write ${path}`, result);
}

export async function getFile(
  runner: Runner,
  path: string,
  { from = 0, maxBytes, timeoutMs }: GetOptions,
): Promise<Uint8Array | null> {
  // What the pipe says on standard error is kept apart: the status is that of `head`, which knows nothing of a failed read.
  const script = `${absentOrFail}
p=${quote(safe(path, runner))}
[ -e "$p" ] || absent_or_fail
[ -f "$p" ] || fail 'it is not a regular file'
exec 3>&1
e=$({ LC_ALL=C tail -c +${String(from + 1)} "$p" | head -c ${String(maxBytes)} >&3; } 2>&1)
case $e in '' | *'Broken pipe'*) ;; *) fail "$e" ;; esac`;
  // The frame and what login files say come on top.
  const result = await runScript(runner, { script }, { timeoutMs, maxBytes: maxBytes + 1024 * 1024 });
  if (result.status === absent) return null;
  if (result.status !== 0) throw failed(runner, `can't read ${path}`, result);
  return result.stdout;
}

export async function listDirectory(
  runner: Runner,
  path: string,
  { timeoutMs }: DeadlineOption,
): Promise<readonly string[] | null> {
  const script = `${absentOrFail}
p=${quote(safe(path, runner))}
[ -d "$p" ] || { [ ! -e "$p" ] || fail 'it is not a directory'; absent_or_fail; }
cd "$p" && LC_ALL=C find . ! -name . -prune -print0`;
  const result = await runScript(runner, { script }, { timeoutMs });
  if (result.status === absent) return null;
  if (result.status !== 0) throw failed(runner, `can't list ${path}`, result);
  const names = Buffer.from(result.stdout).toString('utf8').split('\0').slice(0, -1);
  return names.map((name) => name.replace(/^\.\//, '')).sort();
}

/** A path that no program takes for an option. A relative one begins where the login shell does. */
function safe(path: string, { description }: Runner): string {
  if (path === '' || path.includes('\0'))
    throw new PerdureError('InvalidInput', 'a path is empty or has a zero byte', { where: description });
  return path.startsWith('/') ? path : `./${path}`;
}

function failed({ description }: Runner, what: string, { stderr, status }: RunResult): PerdureError {
  const said = stderr.trim().split('\n').at(-1) ?? '';
  return new PerdureError('Unavailable', `${what}: ${said === '' ? `status ${String(status)}` : said}`, {
    where: description,
  });
}
