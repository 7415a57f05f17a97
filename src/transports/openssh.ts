import { randomBytes } from 'node:crypto';
import { homedir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { PerdureError } from '../study/error';
import { runChild, streamChild, type Program } from './child';
import { Deadline } from './deadline';
import { tellingStatus } from './login-shell';
import { quote } from './quote';
import { getFile, listDirectory, putFile } from './shell-files';
import type { InteractiveTransport, RunOptions, RunResult } from './transport';
import { Lasting, noRoom, Turns } from './turns';

export interface OpensshOptions {
  /** As ssh knows it, from the user's `ssh_config`; `user@host` is good too. */
  readonly host: string;
  /** The master's socket; `%r@%h:%p` and the other tokens of ssh_config(5) are ssh's to expand. */
  readonly controlPath: string;
  /** Commands at once. Default 8: sshd allows 10 on a connection, and some of them are the user's own. */
  readonly maxChannels?: number;
}

/** What ssh itself ends with when it failed. */
const sshFailed = 255;
/** The server has as many sessions as it may on this connection (MaxSessions): the command was not begun. */
const sessionRefused = /session request failed: .*refused/;
/** What a user's `ssh_config` may want of a session, and is of no use for one command. */
const fixed = [
  'ControlMaster=no',
  'ControlPersist=no',
  'BatchMode=yes',
  'RemoteCommand=none',
  'ClearAllForwardings=yes',
].flatMap((option) => ['-o', option]);
/** Between two tries then, doubled each time (milliseconds). */
const firstPauseMs = 50;
const longestPauseMs = 1000;

/**
 * The user's own OpenSSH master connection: never a connection of ours, so never an authentication. Where the master is gone, a
 * command is refused with the words that open it, and nothing was done; the next command looks again, which costs no login.
 *
 * Where it ends: ssh can't signal a command through a master. At a deadline or an abort the command's input and output are closed,
 * and one that neither reads nor writes goes on.
 */
export function createOpensshTransport(options: OpensshOptions): InteractiveTransport {
  const { host, maxChannels = 8 } = options;
  const path = options.controlPath.replace(/^~(?=\/|$)/, homedir());
  const description = `${host}, by the ssh master at ${options.controlPath}`;
  // Not `-M`: that gives up where a dead master left its socket behind.
  const opening = `ssh -fN -o ControlMaster=auto -S ${quote(path)} ${quote(host)}`;
  const absent = `nobody is logged in: the ssh master at ${path} is not there; open it with: ${opening}`;
  const turns = new Turns(maxChannels);
  const lasting = new Lasting();
  const closing = new AbortController();
  let loginRequired: string | null = null;

  const needsLogin = (): PerdureError => {
    loginRequired = absent;
    return new PerdureError('LoginRequired', `the ssh master at ${path} is not there`, {
      where: host,
      hint: `open it with: ${opening}`,
    });
  };

  const ssh = (...args: readonly string[]): Program => ({
    file: 'ssh',
    args: ['-S', path, ...fixed, ...args],
    where: host,
  });

  /** Without its master ssh makes a connection by the ProxyCommand: ours connects to nothing, and says that it was asked. */
  const remote = (command: string, mark: string): Program =>
    ssh(
      '-o',
      `ProxyCommand=/bin/sh -c 'echo ${mark}-alone >&2'`,
      '-T',
      '--',
      host,
      tellingStatus(command, mark),
    );

  const statusOf = (result: Pick<RunResult, 'status' | 'stderr'>, mark: string): RunResult['status'] => {
    const [, status] = new RegExp(`\n${mark} (\\d+)\n`).exec(result.stderr) ?? [];
    if (status !== undefined) {
      loginRequired = null;
      return Number(status);
    }
    const words = result.stderr.replace(`${mark}-alone`, '').trim();
    // ssh looks for another way too when the master is there and refuses: it has as many sessions as it may.
    const refused = /mux_client\w*: .*|.*refused by peer/.exec(words)?.[0];
    if (result.status === sshFailed && refused === undefined && result.stderr.includes(`${mark}-alone`))
      throw needsLogin();
    const said = refused ?? words.split('\n').at(-1) ?? '';
    throw new PerdureError(
      'Unavailable',
      `the command's end was not told: ${said === '' ? 'the connection was lost' : said}`,
      { where: host },
    );
  };

  const wasRefused = ({ status, stderr }: RunResult, mark: string): boolean =>
    status === sshFailed && sessionRefused.test(stderr) && !stderr.includes(`\n${mark} `);

  const run = async (command: string, runOptions: RunOptions): Promise<RunResult> => {
    const deadline = new Deadline(runOptions.timeoutMs);
    const giveBack = await turns.take(
      AbortSignal.any([closing.signal, AbortSignal.timeout(Math.ceil(deadline.remainingMs))]),
    );
    if (closing.signal.aborted) throw closed();
    if (giveBack === null) throw deadline.error('all channels are in use', host);
    try {
      for (let pause = firstPauseMs; ; pause = Math.min(2 * pause, longestPauseMs)) {
        const mark = newMark();
        const result = await runChild(remote(command, mark), runOptions, closing.signal, deadline);
        if (wasRefused(result, mark) && deadline.remainingMs > pause) {
          // It is none that was just closed any more that is in the way.
          if (pause === longestPauseMs) lasting.giveWay();
          await sleep(pause, undefined, { signal: closing.signal }).catch(() => undefined);
          continue;
        }
        const status = statusOf(result, mark);
        return { ...result, status, stderr: result.stderr.replace(new RegExp(`\n?${mark} \\d+\n`), '') };
      }
    } finally {
      giveBack();
    }
  };

  const closed = (): PerdureError =>
    new PerdureError('Unavailable', 'the transport was closed', { where: host });
  const tooMany = (): PerdureError => new PerdureError('Unavailable', noRoom, { where: host });

  const transport: InteractiveTransport = {
    description,
    get loginRequired() {
      return loginRequired;
    },
    run,
    async stream(command, streamOptions) {
      const crowded = new AbortController();
      const leave = lasting.add(() => {
        crowded.abort();
      });
      if (leave === null) throw tooMany();
      const signal = AbortSignal.any([streamOptions.signal, closing.signal, crowded.signal]);
      const giveBack = await turns.take(signal);
      try {
        if (giveBack === null) return;
        const mark = newMark();
        const end = await streamChild(remote(command, mark), { ...streamOptions, signal });
        if (!signal.aborted) statusOf(end, mark);
        if (closing.signal.aborted) throw closed();
        if (crowded.signal.aborted && !streamOptions.signal.aborted) throw tooMany();
      } finally {
        giveBack?.();
        leave();
      }
    },
    put: (file, bytes, putOptions) => putFile(transport, file, bytes, putOptions),
    get: (file, getOptions) => getFile(transport, file, getOptions),
    list: (folder, listOptions) => listDirectory(transport, folder, listOptions),
    async login() {
      const { status } = await runChild(ssh('-O', 'check', '--', host), { timeoutMs: 10_000 });
      if (status !== 0) throw needsLogin();
      loginRequired = null;
    },
    close() {
      closing.abort();
      return Promise.resolve();
    },
  };
  return transport;
}

function newMark(): string {
  return `perdure-${randomBytes(16).toString('hex')}`;
}
