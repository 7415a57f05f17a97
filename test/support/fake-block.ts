import { spawn, type ChildProcess } from 'node:child_process';
import {
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import {
  isGroupAlive,
  parseIdentity,
  signalGroup,
  type ProcessIdentity,
} from '../../src/process/process-group';
import { until } from './installation';
import { pathWithout } from './test-environment';

const launchers: readonly string[] = ['mpiexec', 'pbsdsh'];
const shim = resolve(__dirname, '..', '..', 'trial');

/** What the pilot tells of itself. */
export interface PilotReport {
  readonly state: 'running' | 'draining' | 'ended';
  readonly reason: string | null;
  readonly slots: number;
  readonly busy: number;
  readonly running: readonly string[];
  readonly host: string;
  readonly pid: number;
  readonly job: string | null;
  readonly ends_at: number | null;
  readonly problems: readonly string[];
}

/** What a trial asks of its block. */
export interface Wish {
  readonly order?: number;
  readonly slots?: number;
  readonly nodes?: number;
  readonly ranks_per_node?: number;
  readonly argv?: readonly string[];
}

/** A site's working directory with trials in it, and pilots that run them as PBS would. */
export class FakeBlock {
  readonly folder = mkdtempSync(join(tmpdir(), 'perdure-block-'));
  /** Programs that come first on the pilots' PATH: stand-ins of mpiexec and pbsdsh. */
  readonly bin = join(this.folder, 'bin');
  private readonly pilots: ChildProcess[] = [];

  constructor() {
    for (const name of ['ready', 'news', 'bin']) mkdirSync(join(this.folder, name));
  }

  /** A trial that is ready: a shell script, and what it asks. @returns its name */
  add(
    number: number,
    script: string,
    { attempt = 1, ...wish }: Wish & { readonly attempt?: number } = {},
  ): string {
    const name = `ab12.${String(number)}.${String(attempt)}`;
    mkdirSync(dirname(this.own(name, 'run.sh')), { recursive: true });
    mkdirSync(join(this.folder, pathOf(name), '..', 'checkpoint'), { recursive: true });
    writeFileSync(this.own(name, 'run.sh'), script);
    const argv = ['/bin/sh', this.own(name, 'run.sh')];
    this.makeReady(name, JSON.stringify({ path: pathOf(name), argv, order: number, ...wish }));
    return name;
  }

  makeReady(name: string, text: string): void {
    writeFileSync(this.path('ready.tmp'), text);
    renameSync(this.path('ready.tmp'), this.path('ready', name));
  }

  /** Starts a pilot as the program of a job. */
  start(
    block = 'b1',
    {
      hosts = ['one'],
      env = {},
      ...options
    }: {
      readonly hosts?: readonly string[];
      readonly env?: Record<string, string>;
      readonly slots?: number;
      readonly pin?: string;
      readonly idle?: number;
      readonly walltime?: number;
      readonly drain?: number;
      readonly notice?: number;
      readonly launcher?: string;
    } = {},
  ): ChildProcess {
    writeFileSync(this.path(`nodes-${block}`), hosts.map((host) => `${host}\n`).join(''));
    const values: Record<string, string | number | undefined> = {
      '--working-dir': this.folder,
      '--block': block,
      '--wrapper': join(shim, 'wrapper.sh'),
      '--slots-per-node': options.slots ?? 1,
      '--pin': options.pin,
      '--idle-timeout': options.idle ?? 60,
      '--walltime': options.walltime,
      '--drain': options.drain,
      '--notice': options.notice,
      '--launcher': options.launcher,
      '--grace': 1,
      '--poll': 0.05,
    };
    const args = Object.entries(values).flatMap(([name, value]) =>
      value === undefined ? [] : [name, String(value)],
    );
    const pilot = spawn('python3', [join(shim, 'perdure_pilot.py'), ...args], {
      stdio: ['ignore', 'ignore', 'inherit'],
      cwd: this.folder,
      env: {
        PATH: this.searched,
        PBS_JOBID: `${block}.server`,
        PBS_NODEFILE: this.path(`nodes-${block}`),
        ...env,
      },
    });
    this.pilots.push(pilot);
    return pilot;
  }

  /**
   * Where pilots look for programs: first what a test brings, then what this machine has, but for launchers of its own.
   */
  private get searched(): string {
    const machine = pathWithout(process.env['PATH'] ?? '', launchers, join(this.folder, 'programs'));
    return [this.bin, machine].join(delimiter);
  }

  /** A shell script by this name on the pilots' PATH. */
  program(name: string, script: string): void {
    writeFileSync(join(this.bin, name), `#!/bin/sh\n${script}`, { mode: 0o755 });
  }

  path(...names: readonly string[]): string {
    return join(this.folder, ...names);
  }

  /** One of Perdure's own files of an attempt. */
  own(name: string, file: string): string {
    return this.path(pathOf(name), '.perdure', file);
  }

  /** The text of such a file; `null` where there is none. */
  read(name: string, file: string): string | null {
    return textOf(this.own(name, file));
  }

  news(name: string): string | null {
    return textOf(this.path('news', name));
  }

  report(block = 'b1'): PilotReport | null {
    const text = textOf(this.path('blocks', block, 'pilot.json'));
    return text === null ? null : (JSON.parse(text) as PilotReport);
  }

  isReady(name: string): boolean {
    return existsSync(this.path('ready', name));
  }

  taken(block = 'b1'): readonly string[] {
    return readdirSync(this.path('blocks', block, 'taken'));
  }

  stop(name: string): void {
    writeFileSync(this.own(name, 'stop'), 'cancelled');
  }

  /** The process group of an attempt, once its wrapper runs. */
  group(name: string): ProcessIdentity | null {
    return parseIdentity(this.read(name, 'pid') ?? '');
  }

  async isOver(name: string): Promise<void> {
    await until(`${name} is over`, () => this.news(name) === 'ended');
  }

  async isThere(name: string, file: string): Promise<void> {
    await until(`${name} has written ${file}`, () => existsSync(this.path(pathOf(name), file)));
  }

  /** Everything it started ends. */
  async destroy(): Promise<void> {
    for (const pilot of this.pilots) pilot.kill('SIGKILL');
    await Promise.all(this.pilots.map((pilot) => ended(pilot)));
    const groups = (): readonly ProcessIdentity[] =>
      globSync('**/.perdure/pid', { cwd: this.folder }).flatMap((path) => {
        const identity = parseIdentity(textOf(this.path(path)) ?? '');
        return identity !== null && isGroupAlive(identity) ? [identity] : [];
      });
    for (const group of groups()) signalGroup(group, 'SIGKILL');
    await until('nothing of the block runs', () => groups().length === 0);
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }
}

/** Waits for a process' end. @returns its exit status, or the signal that ended it */
export async function ended(child: ChildProcess): Promise<number | string | null> {
  await until('the process has ended', () => child.exitCode !== null || child.signalCode !== null);
  return child.exitCode ?? child.signalCode;
}

/** `STUDY.NUMBER.ATTEMPT` is `STUDY/NUMBER/aATTEMPT`. */
export function pathOf(name: string): string {
  const [study = '', number = '', attempt = ''] = name.split('.');
  return join(study, number, `a${attempt}`);
}

function textOf(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
