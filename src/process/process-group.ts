import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** A process that can't be mistaken for a later one with the same id. The wrapper writes it (`trial/wrapper.sh`). */
export interface ProcessIdentity {
  readonly pid: number;
  /** When it started: ticks since boot (Linux), or the words of `ps -o lstart=` joined by `_`. */
  readonly start: string;
  /** The boot in which it started; `-` where the system has no such id. */
  readonly boot: string;
}

/**
 * Reads `pid start boot`, once its line is complete. Ids of 0 and 1 are refused: signals to those groups would reach this
 * process, or every process.
 */
export function parseIdentity(text: string): ProcessIdentity | null {
  const [, digits, start, boot] = /^(\d{1,10}) (\S+) (\S+)\n/.exec(text) ?? [];
  const pid = Number(digits);
  return start === undefined || boot === undefined || pid < 2 ? null : { pid, start, boot };
}

/** The identity of a process that runs now; `null` where there is none. */
export function identify(pid: number): ProcessIdentity | null {
  if (process.platform !== 'linux') {
    const words = ps('-o', 'lstart=', '-p', String(pid)).trim();
    return words === '' ? null : { pid, start: words.split(/\s+/).join('_'), boot: '-' };
  }
  const stat = statOf(String(pid));
  return stat === null ? null : { pid, start: stat.start, boot: bootId() };
}

/** `true` while the process itself runs (a zombie does not). */
export function isAlive(identity: ProcessIdentity): boolean {
  return look(identity) === 'same';
}

/** `true` while anything of the process group runs that the process leads or led. */
export function isGroupAlive(identity: ProcessIdentity): boolean {
  const leader = look(identity);
  if (leader === 'same') return true;
  // Its id belongs to another process by now, which can't be while the old group has members.
  if (leader === 'other' || !isGroupThere(identity.pid)) return false;
  return members(identity.pid).length > 0;
}

/** Sends a signal to the group; a group that is gone is no error. */
export function signalGroup(identity: ProcessIdentity, signal: 'SIGTERM' | 'SIGKILL'): void {
  if (isGroupAlive(identity)) send(-identity.pid, signal);
}

/**
 * Running processes that were started from the group and have left it (`setsid`, `setpgrp`), as far as their parents still
 * tell: one whose parent has ended belongs to nobody.
 */
export function strays(identity: ProcessIdentity): readonly ProcessIdentity[] {
  if (!isGroupAlive(identity)) return [];
  const processes = running();
  const children = Map.groupBy(processes, ({ parent }) => parent);
  const found = new Map(processes.filter(({ group }) => group === identity.pid).map((one) => [one.pid, one]));
  // A map that grows is gone through to its end.
  for (const { pid } of found.values())
    for (const child of children.get(pid) ?? []) found.set(child.pid, child);
  return [...found.values()]
    .filter(({ group }) => group !== identity.pid)
    .flatMap(({ pid }) => identify(pid) ?? []);
}

/** Sends a signal to one process; one that is gone is no error. */
export function signalProcess(identity: ProcessIdentity, signal: 'SIGTERM' | 'SIGKILL'): void {
  if (isAlive(identity)) send(identity.pid, signal);
}

function send(target: number, signal: 'SIGTERM' | 'SIGKILL'): void {
  try {
    process.kill(target, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function look({ pid, start, boot }: ProcessIdentity): 'same' | 'other' | 'none' {
  if (process.platform !== 'linux') {
    const found = ps('-o', 'stat=,lstart=', '-p', String(pid)).trim();
    const [state = '', ...words] = found.split(/\s+/);
    if (state === '') return 'none';
    if (words.join('_') !== start.replace(/^_|_$/g, '')) return 'other';
    return state.startsWith('Z') ? 'none' : 'same';
  }
  if (boot !== bootId()) return 'other';
  const stat = statOf(String(pid));
  if (stat === null) return 'none';
  if (stat.start !== start) return 'other';
  return stat.state === 'Z' || stat.state === 'X' ? 'none' : 'same';
}

/** A cheap question: `false` is certain, `true` may be for zombies only. */
function isGroupThere(group: number): boolean {
  try {
    process.kill(-group, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

/** Running processes of a group whose leader is gone. */
function members(group: number): readonly number[] {
  return running().flatMap((one) => (one.group === group ? [one.pid] : []));
}

/** All processes of this machine but zombies. */
function running(): readonly { readonly pid: number; readonly parent: number; readonly group: number }[] {
  if (process.platform !== 'linux') {
    const rows = ps('-A', '-o', 'pid=,ppid=,pgid=,stat=').split('\n');
    return rows.flatMap((row) => {
      const [pid, parent, group, state = 'Z'] = row.trim().split(/\s+/);
      return state.startsWith('Z')
        ? []
        : [{ pid: Number(pid), parent: Number(parent), group: Number(group) }];
    });
  }
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const stat = statOf(name);
      if (stat === null || stat.state === 'Z' || stat.state === 'X') return [];
      return [{ pid: Number(name), parent: stat.parent, group: stat.group }];
    });
}

/** Fields 3, 4, 5 and 22 of `/proc/PID/stat` (proc(5)); the command's name before them may hold anything. */
function statOf(pid: string): {
  readonly state: string;
  readonly parent: number;
  readonly group: number;
  readonly start: string;
} | null {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    // It ended, before or while it was read.
    return null;
  }
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return {
    state: fields[0] ?? '',
    parent: Number(fields[1]),
    group: Number(fields[2]),
    start: fields[19] ?? '',
  };
}

let boot: string | undefined;
function bootId(): string {
  boot ??= readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  return boot;
}

function ps(...args: string[]): string {
  try {
    // The wrapper asks in the same words: a start time is text, in some language and time zone.
    const env = { ...process.env, LC_ALL: 'C', TZ: 'UTC0' };
    return execFileSync('ps', args, { encoding: 'utf8', env, stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    // `ps -p` ends with 1 where there is no such process.
    return '';
  }
}
