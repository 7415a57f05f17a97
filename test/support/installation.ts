import { spawn } from 'node:child_process';
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Session } from '../../src/client/session';
import { loadSettings } from '../../src/config';
import { timesVariable, type Times } from '../../src/config/times';
import { noteDeadServer } from './dead-server';
import { isAlive, parseIdentity, signalGroup, type ProcessIdentity } from '../../src/process/process-group';

const bin = resolve(__dirname, '..', '..', 'bin', 'perdure');

export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a test does while a command runs. */
export interface Watched {
  /** Variables of this command alone. */
  readonly env?: Readonly<Record<string, string>>;
  /** Presses Ctrl-C when it has said that on standard error. */
  readonly interruptAt?: RegExp;
  /** Is called with what it has written to standard error so far. */
  readonly saysOnError?: (text: string) => void;
  /** Is called when it has written something to standard output. */
  readonly onOutput?: () => void;
}

/** Waits of the product that take a minute or more, as the processes of an installation shorten them. */
const shortTimes: Partial<Times> = { workflowTaskTimeout: 10_000, watchInterval: 2_000 };

/** What a test can kill. */
export type Victim = 'worker' | 'server' | 'both';

/** A state directory of the test's own with a real server and real workers, driven by the compiled command line. */
export class Installation {
  readonly folder = mkdtempSync(join(tmpdir(), 'perdure-test-'));
  readonly home = join(this.folder, 'home');
  readonly config = join(this.folder, 'perdure.yaml');
  readonly failpoints = join(this.folder, 'failpoints');
  private readonly more: Readonly<Record<string, string>>;
  private readonly times: Partial<Times>;

  constructor({
    storage,
    slots = 4,
    sites = {},
    encryptionKeyEnv,
    times = {},
    env = {},
  }: {
    readonly storage?: string;
    readonly slots?: number;
    readonly encryptionKeyEnv?: string;
    /** More sites, as in a settings file. */
    readonly sites?: Readonly<Record<string, unknown>>;
    /** Replace {@link shortTimes}. */
    readonly times?: Partial<Times>;
    /** Environment of its commands and workers besides. */
    readonly env?: Readonly<Record<string, string>>;
  } = {}) {
    this.more = env;
    this.times = { ...shortTimes, ...times };
    mkdirSync(this.failpoints);
    this.configure({ local: { scheduler: 'local', slots }, ...sites }, { storage, encryptionKeyEnv });
  }

  /** Writes the settings anew: for sites that lie below the folder. */
  configure(
    sites: Readonly<Record<string, unknown>>,
    { storage, encryptionKeyEnv }: { readonly storage?: string; readonly encryptionKeyEnv?: string } = {},
  ): void {
    const lines = [`sites: ${JSON.stringify(sites)}`];
    if (storage !== undefined) lines.push(`storage: ${JSON.stringify(storage)}`);
    if (encryptionKeyEnv !== undefined) lines.push(`temporal: {encryption_key_env: ${encryptionKeyEnv}}`);
    writeFileSync(this.config, `${lines.join('\n')}\n`);
  }

  get env(): NodeJS.ProcessEnv {
    const inherited = Object.entries(process.env).filter(
      ([name]) => !/^(PERDURE|TEMPORAL|NODE|JEST)_/.test(name),
    );
    return {
      ...Object.fromEntries(inherited),
      ...this.more,
      PERDURE_HOME: this.home,
      PERDURE_CONFIG: this.config,
      PERDURE_FAILPOINTS: this.failpoints,
      [timesVariable]: JSON.stringify(this.times),
    };
  }

  /** Writes a file below the folder and gives its path. */
  write(name: string, text: string): string {
    const path = join(this.folder, name);
    writeFileSync(path, text);
    return path;
  }

  /** Runs `perdure` to its end; `interruptAt`: presses Ctrl-C when it has said that on standard error. */
  async perdure(...words: readonly (string | Watched)[]): Promise<CommandResult> {
    return this.perdureWith('', ...words);
  }

  /** The same, with this text as its standard input. */
  async perdureWith(input: string, ...words: readonly (string | Watched)[]): Promise<CommandResult> {
    const args = words.filter((word) => typeof word === 'string');
    const { env, interruptAt, onOutput, saysOnError } = words.find((word) => typeof word !== 'string') ?? {};
    const child = spawn(bin, args, {
      env: { ...this.env, ...env },
      cwd: this.folder,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    // It may end without having read it.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
    const read = async (stream: NodeJS.ReadableStream): Promise<string> => {
      const parts: Buffer[] = [];
      for await (const part of stream) parts.push(Buffer.from(part as Uint8Array));
      return Buffer.concat(parts).toString('utf8');
    };
    if (onOutput !== undefined) child.stdout.once('data', onOutput);
    if (interruptAt !== undefined || saysOnError !== undefined) {
      let said = '';
      let interrupted = false;
      child.stderr.on('data', (part: Buffer) => {
        said += part.toString('utf8');
        saysOnError?.(said);
        if (interrupted || interruptAt?.test(said) !== true) return;
        interrupted = true;
        child.kill('SIGINT');
      });
    }
    const ended = new Promise<number | null>((done, failed) =>
      child.once('close', done).once('error', failed),
    );
    const [stdout, stderr, code] = await Promise.all([read(child.stdout), read(child.stderr), ended]);
    return { code, stdout, stderr };
  }

  /** As {@link perdure}, for what has to succeed. @returns standard output */
  async must(...args: readonly (string | Watched)[]): Promise<string> {
    if (args[0] === 'up') await this.takePorts();
    const { code, stdout, stderr } = await this.perdure(...args);
    if (code !== 0)
      throw new Error(
        `perdure ${args.filter((word) => typeof word === 'string').join(' ')} ended with ${String(code)}:\n${stderr}${stdout}`,
      );
    return stdout;
  }

  /** Ports for its server that no other one takes while that is down: all begin with Temporal's usual ones. */
  async takePorts(): Promise<void> {
    if (!existsSync(join(this.home, 'server.json'))) await noteDeadServer(this.home);
  }

  async session(): Promise<Session> {
    return Session.open({ settings: await loadSettings({ config: this.config, env: this.env }) });
  }

  /** Kills with SIGKILL and waits until it is gone. */
  async kill(victim: Victim): Promise<void> {
    const names = victim === 'both' ? ['server', 'worker'] : [victim];
    const identities = names.map((name) => this.identity(name));
    for (const identity of identities)
      if (identity !== null && isAlive(identity)) process.kill(identity.pid, 'SIGKILL');
    for (const identity of identities) while (identity !== null && isAlive(identity)) await sleep(5);
  }

  /** Everything it started ends; jobs too. */
  async destroy(): Promise<void> {
    await this.kill('both');
    for (const path of globSync('**/.perdure/pid', { cwd: this.folder })) {
      const identity = parseIdentity(readFileSync(join(this.folder, path), 'utf8'));
      if (identity !== null) signalGroup(identity, 'SIGKILL');
    }
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }

  /** Makes processes that start from now on stop at this point, once. */
  arm(point: string): void {
    for (const end of ['hit', 'go']) rmSync(join(this.failpoints, `${point}.${end}`), { force: true });
    writeFileSync(join(this.failpoints, `${point}.arm`), '');
  }

  disarm(point: string): void {
    rmSync(join(this.failpoints, `${point}.arm`), { force: true });
  }

  /** `true` where a process stands at this point, or stood there. */
  hit(point: string): boolean {
    return existsSync(join(this.failpoints, `${point}.hit`));
  }

  /** The process that stands at this point. */
  async standing(point: string): Promise<number> {
    const read = (): number => Number(readFileSync(join(this.failpoints, `${point}.hit`), 'utf8'));
    await until('it has said who it is', () => read() > 0);
    return read();
  }

  /** Lets the process at this point go on. */
  go(point: string): void {
    writeFileSync(join(this.failpoints, `${point}.go`), '');
  }

  workerLog(): string {
    return readFileSync(join(this.home, 'logs', 'worker.log'), 'utf8');
  }

  /** `true` while the worker that the command line started runs. */
  workerRuns(): boolean {
    const identity = this.identity('worker');
    return identity !== null && isAlive(identity);
  }

  private identity(name: string): ProcessIdentity | null {
    const file = join(this.home, `${name}.json`);
    if (!existsSync(file)) return null;
    return (JSON.parse(readFileSync(file, 'utf8')) as { identity: ProcessIdentity }).identity;
  }
}

/** Waits until the condition holds; fails with `what` after `timeoutMs`. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeoutMs = 120_000,
): Promise<void> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const began = performance.now();
    if (await condition()) return;
    if (Date.now() > end) throw new Error(`after ${String(timeoutMs / 1000)} s still not: ${what}`);
    // What costs much to ask for is asked for less often: the test's own programs need the machine.
    await sleep(Math.min(1000, Math.max(20, performance.now() - began)));
  }
}
