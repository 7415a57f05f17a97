import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../installation';
import type { ComputeService } from './compute-service';
import { globusBin } from './python';

export type Engine = 'ThreadPoolEngine' | 'ProcessPoolEngine' | 'GlobusComputeEngine';
export const engines: readonly Engine[] = ['ThreadPoolEngine', 'ProcessPoolEngine', 'GlobusComputeEngine'];

/** What can be killed of an endpoint. */
export type EndpointPart = 'manager' | 'user endpoint' | 'workers';

export interface EndpointOptions {
  readonly engine?: Engine;
  /** Tasks at once. */
  readonly workers?: number;
  /** Seconds between heartbeats. */
  readonly heartbeat?: number;
  /** Instead of the template of {@link engine}: what the manager renders for each user endpoint. */
  readonly template?: string;
  /** JSON Schema of `user_endpoint_config`. */
  readonly schema?: object;
  /** Environment of its processes besides. */
  readonly env?: Readonly<Record<string, string>>;
}

interface Process {
  readonly pid: number;
  readonly parent: number;
}

/** A user endpoint is another program a tenth of a second after its manager has forked it; how long is allowed for that (milliseconds). */
const forkPatience = 15_000;

const name = 'perdure';

/**
 * Python starts the processes of such a pool afresh. Without it they are forks of a daemon with threads, some of which hang for ever
 * with their first task: two of 27 endpoints on a busy machine with two cores (globus-compute-endpoint 4.19, Python 3.11).
 */
const startedAfresh = existsSync(join(globusBin, '..', 'lib', 'python3.10'))
  ? [] // It has no such option.
  : ['  max_tasks_per_child: 1000000'];

function template(engine: Engine, workers: number, heartbeat: number): string {
  const lines =
    engine === 'GlobusComputeEngine'
      ? [
          `  max_workers_per_node: ${String(workers)}`,
          '  address: 127.0.0.1',
          '  loopback_address: 127.0.0.1',
          '  provider: {type: LocalProvider, init_blocks: 1, min_blocks: 0, max_blocks: 1}',
        ]
      : [`  max_workers: ${String(workers)}`, ...(engine === 'ProcessPoolEngine' ? startedAfresh : [])];
  return [`heartbeat_period: ${String(heartbeat)}`, 'engine:', `  type: ${engine}`, ...lines, ''].join('\n');
}

/**
 * The real `globus-compute-endpoint` of PyPI, on this machine, registered with a {@link ComputeService}. Any number run side by side.
 * Its user endpoint starts with the first task (2 to 4 s; 14 s with GlobusComputeEngine).
 */
export class RealEndpoint {
  readonly folder = mkdtempSync(join(tmpdir(), 'perdure-endpoint-'));
  /** The service's id of it, which sites are configured with. */
  id = '';
  private manager: ChildProcess | null = null;
  private operator: NodeJS.Timeout | undefined;
  /** Forks of the manager that are no other program yet, and since when. */
  private readonly forks = new Map<number, number>();
  private readonly env: NodeJS.ProcessEnv;

  private constructor(
    private readonly service: ComputeService,
    private readonly heartbeat: number,
    private readonly more: Readonly<Record<string, string>>,
  ) {
    const client = service.auth.register('confidential', { identity: service.auth.user });
    this.env = {
      ...process.env,
      ...service.environment(client),
      ...this.ownEnvironment(),
    };
  }

  static async start(service: ComputeService, options: EndpointOptions = {}): Promise<RealEndpoint> {
    const { engine = 'ThreadPoolEngine', workers = 2, heartbeat = 5 } = options;
    const endpoint = new RealEndpoint(service, heartbeat, options.env ?? {});
    endpoint.prepare(options.template ?? template(engine, workers, heartbeat), options.schema);
    try {
      await endpoint.begin();
    } catch (error) {
      await endpoint.stop();
      throw error;
    }
    return endpoint;
  }

  /**
   * Removes what a killed process left, as an operator does. Without it the daemon refuses for three heartbeats (15 s at least)
   * to start again what it takes for running; tasks that come meanwhile fail with that reason.
   */
  clearStale(): void {
    for (const pid of globSync('*/daemon.pid', { cwd: this.folder })) rmSync(join(this.folder, pid));
  }

  /** Starts the manager, or starts it again after it was killed. */
  async begin(): Promise<void> {
    this.clearStale();
    const log = openSync(join(this.folder, 'output'), 'a');
    const manager = spawn(
      join(globusBin, 'globus-compute-endpoint'),
      ['start', name, '--log-to-console', '--no-color'],
      { env: this.env, cwd: this.folder, stdio: ['ignore', log, log] },
    );
    closeSync(log);
    await once(manager, 'spawn');
    this.manager = manager;
    this.operator ??= setInterval(() => {
      this.endHungForks();
    }, 3000).unref();
    const since = Date.now();
    const heard = (): boolean => {
      if (hasEnded(manager)) throw new Error(`the endpoint ended:\n${this.output()}`);
      this.id = this.registeredId() ?? '';
      return (this.service.endpoints.find(this.id)?.heardAt ?? 0) >= since;
    };
    try {
      await until('the endpoint is online', heard, 120_000);
    } catch (error) {
      // Whoever tries again starts another.
      await end(manager);
      throw error;
    }
  }

  /** What the manager said. */
  output(): string {
    return readFileSync(join(this.folder, 'output'), 'utf8');
  }

  /** What its user endpoints logged. */
  userEndpointLogs(): string {
    const logs = globSync('uep.*/endpoint.log', { cwd: this.folder });
    return logs.map((path) => readFileSync(join(this.folder, path), 'utf8')).join('\n');
  }

  /** Processes of this part at the moment. */
  processes(part: EndpointPart): readonly Process[] {
    const all = this.all();
    const manager = all.filter(({ pid }) => pid === this.manager?.pid);
    if (part === 'manager') return manager;
    const users = all.filter(({ parent }) => manager.some(({ pid }) => pid === parent));
    if (part === 'user endpoint') return users;
    return all.filter(({ pid }) => ![...manager, ...users].some((one) => one.pid === pid));
  }

  /** Kills with SIGKILL what runs of it at this moment. @returns how many processes that was */
  async kill(part: EndpointPart): Promise<number> {
    const victims = this.processes(part).map(({ pid }) => pid);
    await kill(victims, () => this.all());
    return victims.length;
  }

  /** Everything of it ends, and its folder goes. */
  async stop(): Promise<void> {
    clearInterval(this.operator);
    // A manager that still starts something may outrun the first look.
    for (let victims = this.all(); victims.length > 0; victims = this.all())
      await kill(
        victims.map(({ pid }) => pid),
        () => this.all(),
      );
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }

  /**
   * As an operator does who finds that it takes no tasks. The manager has threads: a fork of it may hang for ever before its first line,
   * and is taken for a user endpoint that runs (2 of about 210 that were started anew while tasks waited, on a busy machine with two
   * cores; globus-compute-endpoint 4.19, Python 3.11).
   */
  private endHungForks(): void {
    const manager = this.manager?.pid;
    const now = performance.now();
    // A fork has its manager's title, with the manager's id; a user endpoint writes its own.
    const forks = this.all().filter(
      ({ pid, parent }) => parent === manager && commandLine(pid).includes(`(${this.id}, `),
    );
    for (const pid of this.forks.keys()) if (!forks.some((one) => one.pid === pid)) this.forks.delete(pid);
    for (const { pid } of forks) {
      const since = this.forks.get(pid) ?? now;
      this.forks.set(pid, since);
      if (now - since > forkPatience) strike(pid);
    }
  }

  private ownEnvironment(): Record<string, string> {
    return {
      GLOBUS_COMPUTE_USER_DIR: this.folder,
      HOME: this.folder,
      PATH: [globusBin, process.env['PATH'] ?? ''].join(delimiter),
      ...this.more,
    };
  }

  private prepare(
    userTemplate: string,
    schema: object = { type: 'object', additionalProperties: true },
  ): void {
    const folder = join(this.folder, name);
    mkdirSync(folder);
    const write = (file: string, text: string): void => {
      writeFileSync(join(folder, file), text, { mode: 0o600 });
    };
    const settings = [
      `display_name: ${name}`,
      'local_compute_services: true',
      `heartbeat_period: ${String(this.heartbeat)}`,
      'debug: true',
      // As root, it wants to know whom to write to.
      'email: nobody@example.org',
    ];
    write('config.yaml', `${settings.join('\n')}\n`);
    write('user_config_template.yaml.j2', userTemplate);
    write('user_config_schema.json', JSON.stringify(schema));
    // As root, a user endpoint has no other environment than this.
    const own = { ...this.ownEnvironment(), CWD: this.folder };
    const lines = Object.entries(own).map(([key, value]) => `${key}: ${JSON.stringify(value)}`);
    write('user_environment.yaml', `${lines.join('\n')}\n`);
  }

  private registeredId(): string | null {
    const file = join(this.folder, name, 'endpoint.json');
    if (!existsSync(file)) return null;
    const text = readFileSync(file, 'utf8');
    // The daemon writes it in place: it may be read before its end is there.
    if (!text.trimEnd().endsWith('}')) return null;
    return (JSON.parse(text) as { endpoint_id: string }).endpoint_id;
  }

  /**
   * Every process of it. They are told by where they are, since they write over their environments; and what they started is
   * theirs too, wherever it went.
   */
  private all(): readonly Process[] {
    const every = readdirSync('/proc')
      .filter((entry) => /^\d+$/.test(entry))
      .flatMap((entry) => {
        try {
          const stat = readFileSync(`/proc/${entry}/stat`, 'latin1');
          const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
          if (state === 'Z') return [];
          const at = `${readlinkSync(`/proc/${entry}/cwd`)}/`;
          return [{ pid: Number(entry), parent: Number(parent), here: at.startsWith(`${this.folder}/`) }];
        } catch {
          // It ended while it was looked at.
          return [];
        }
      });
    const own = new Set(every.filter(({ here }) => here).map(({ pid }) => pid));
    for (let before = -1; before !== own.size;) {
      before = own.size;
      for (const { pid, parent } of every) if (own.has(parent)) own.add(pid);
    }
    return every.filter(({ pid }) => own.has(pid));
  }
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}

async function end(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

/** Empty where the process is gone. */
function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${String(pid)}/cmdline`, 'latin1');
  } catch {
    return '';
  }
}

function strike(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It went by itself, or with another.
  }
}

async function kill(pids: readonly number[], alive: () => readonly Process[]): Promise<void> {
  for (const pid of pids) strike(pid);
  while (alive().some(({ pid }) => pids.includes(pid))) await sleep(10);
}
