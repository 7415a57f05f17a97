import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  writeFileSync,
  chownSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { until } from '../installation';
import { postgresPrograms } from '../postgres';
import { readDockerfile, readServices, type Service } from './compose-file';
import type { TemporalBuild } from './temporal-build';

const root = resolve(__dirname, '..', '..', '..');
const containerScript = join(__dirname, 'container.sh');

/** What an image brings: volumes are `SOURCE:TARGET:MODE`. */
interface Image {
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly user: string;
  readonly directory: string;
  readonly volumes: readonly string[];
}

export interface Ended {
  readonly status: number | null;
  readonly output: string;
}

/** Programs that containers are made of here. */
export function namespacesAvailable(): boolean {
  return (
    process.getuid?.() === 0 &&
    ['unshare', 'nsenter', 'ip', 'chroot'].every(
      (program) => spawnSync('which', [program], { stdio: 'ignore' }).status === 0,
    )
  );
}

/**
 * The services of a compose file as processes of this machine. Each has its own root, host name and process ids; all share one network
 * that has nothing but loopback, with an address for each service.
 */
export class Composition {
  readonly services: Readonly<Record<string, Service>>;
  private readonly folder = mkdtempSync(join(tmpdir(), 'perdure-compose-'));
  private readonly network: ChildProcess;
  private readonly networkReady: Promise<unknown>;
  private readonly containers = new Map<string, Container>();

  constructor(
    private readonly file: string,
    env: Readonly<Record<string, string>>,
    private readonly temporal: TemporalBuild,
  ) {
    this.services = readServices(file, env);
    this.network = spawn(
      'unshare',
      ['--net', 'sh', '-c', 'ip link set lo up && echo up && exec sleep infinity'],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    this.networkReady = this.network.stdout === null ? Promise.resolve() : once(this.network.stdout, 'data');
  }

  /** Starts these services, and before them those that they depend on, as `docker compose up` does. */
  async up(...names: readonly string[]): Promise<void> {
    await this.networkReady;
    for (const name of names) {
      if (this.containers.has(name)) continue;
      for (const [other, { condition }] of Object.entries(this.service(name).depends_on ?? {})) {
        await this.up(other);
        if (condition === 'service_healthy') await this.healthy(other);
        if (condition === 'service_completed_successfully') {
          const { status, output } = await this.container(other).ended;
          if (status !== 0) throw new Error(`${other} ended with ${String(status)}:\n${output}`);
        }
      }
      const container = this.start(name);
      this.containers.set(name, container);
      await until(`${name} has its root`, () => container.hasRoot());
    }
  }

  /** Runs a service once more, to its end. */
  async runAgain(name: string): Promise<Ended> {
    return this.start(name).ended;
  }

  /** Runs a command in the container of a service, as `docker compose exec` does. */
  async exec(name: string, command: readonly string[]): Promise<Ended> {
    return this.container(name).exec(command);
  }

  /** What a service has written so far. */
  output(name: string): string {
    return this.container(name).output;
  }

  async down(): Promise<void> {
    for (const container of this.containers.values()) await container.kill();
    this.network.kill('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }

  private async healthy(name: string): Promise<void> {
    const container = this.container(name);
    const [kind, ...words] = this.service(name).healthcheck?.test ?? [];
    const command = kind === 'CMD-SHELL' ? ['sh', '-c', ...words] : words;
    await until(`${name} is healthy`, async () => {
      if (container.hasEnded)
        throw new Error(`${name} ended with ${String((await container.ended).status)}:\n${container.output}`);
      return (await container.exec(command)).status === 0;
    });
  }

  private start(name: string): Container {
    const service = this.service(name);
    const image = this.imageOf(service);
    const folder = mkdtempSync(join(this.folder, `${name}-`));
    const inFile = resolve(this.file, '..');
    const volumes = (service.volumes ?? []).map((volume, index) => {
      const [source = '', target, mode = 'rw'] = volume.split(':');
      if (source.startsWith('.')) return `${resolve(inFile, source)}:${target ?? ''}:${mode}`;
      const kept = join(this.folder, `${name}-volume-${String(index)}`);
      mkdirSync(kept, { recursive: true });
      chownSync(kept, Number(execFileSync('id', ['-u', image.user.split(':')[0] ?? ''])), -1);
      return `${kept}:${target ?? source}:rw`;
    });
    const hosts = Object.keys(this.services).map((host, index) => `127.0.0.${String(index + 10)} ${host}`);
    return new Container(name, {
      network: this.network.pid ?? 0,
      user: image.user,
      environment: { ...standardEnvironment(), ...image.environment, ...service.environment },
      words: [
        ...[containerScript, folder, name, ['127.0.0.1 localhost', ...hosts].join('\n'), image.user],
        ...[image.directory, ...image.volumes, ...volumes, '--'],
        ...[...(service.entrypoint ?? []), ...(service.command ?? [])],
        ...(service.entrypoint === undefined && service.command === undefined ? image.command : []),
      ],
    });
  }

  private imageOf({ image = '', build }: Service): Image {
    if (build !== undefined) {
      const { copied, command, ...built } = readDockerfile(resolve(this.file, '..', build));
      // tini only reaps the processes that trials leave behind; it may not be here.
      const program = command.slice(command[0] === 'tini' ? command.indexOf('--') + 1 : 0);
      return { ...built, command: program, user: '1000:1000', volumes: copied };
    }
    const none = { command: [], environment: {}, directory: '/', volumes: [] };
    const { server, sqlTool, docker, schema } = this.temporal;
    // Alpine's shell knows pipefail, which Debian's does not.
    const alpine = ['/bin/bash:/bin/sh:ro', `${this.script('nc', netcat)}:/usr/local/bin/nc:ro`];
    switch (image.split(':')[0]) {
      case 'postgres': {
        const script = '/usr/local/bin/docker-entrypoint.sh';
        const volumes = [`${join(__dirname, 'postgres-image.sh')}:${script}:ro`];
        // Where postgres-image.sh has the socket: Debian's directory for it belongs to another user.
        const environment = { PGHOST: '/tmp' };
        return { ...none, command: ['sh', script], environment, user: 'nobody:nogroup', volumes };
      }
      case 'temporalio/server': {
        const entrypoint = `${join(docker, 'scripts', 'sh', 'entrypoint.sh')}:/etc/temporal/entrypoint.sh:ro`;
        return {
          ...none,
          command: ['sh', '/etc/temporal/entrypoint.sh'],
          user: '1000:1000',
          directory: '/etc/temporal',
          volumes: [...alpine, entrypoint, `${server}:/usr/local/bin/temporal-server:ro`],
        };
      }
      case 'temporalio/admin-tools': {
        const cli = realpathSync(join(root, '.venv', 'bin', 'temporal'));
        const volumes = [
          ...[
            ...alpine,
            `${sqlTool}:/usr/local/bin/temporal-sql-tool:ro`,
            `${cli}:/usr/local/bin/temporal:ro`,
          ],
          `${schema}:/etc/temporal/schema:ro`,
        ];
        return { ...none, user: '1000:1000', volumes };
      }
      default:
        throw new Error(`the test has nothing that stands for the image ${image}`);
    }
  }

  /** A program of this text, for a container. */
  private script(name: string, text: string): string {
    const path = join(this.folder, name);
    writeFileSync(path, text, { mode: 0o755 });
    return path;
  }

  private service(name: string): Service {
    const service = this.services[name];
    if (service === undefined) throw new Error(`the compose file has no service ${name}`);
    return service;
  }

  private container(name: string): Container {
    const container = this.containers.get(name);
    if (container === undefined) throw new Error(`${name} was not started`);
    return container;
  }
}

/** `nc -z HOST PORT` of Alpine. */
const netcat = `#!/usr/bin/python3
import socket, sys
socket.create_connection((sys.argv[2], int(sys.argv[3])), 2).close()
`;

function standardEnvironment(): Readonly<Record<string, string>> {
  const path = [
    postgresPrograms(),
    ...'/usr/local/sbin /usr/local/bin /usr/sbin /usr/bin /sbin /bin'.split(' '),
  ];
  return { PATH: path.join(':'), HOME: '/tmp' };
}

interface ContainerOptions {
  /** Process id of the network's holder. */
  readonly network: number;
  readonly user: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Arguments of `sh`. */
  readonly words: readonly string[];
}

/** One container that was started. */
class Container {
  output = '';
  readonly ended: Promise<Ended>;
  private readonly process: ChildProcess;

  constructor(
    private readonly name: string,
    private readonly options: ContainerOptions,
  ) {
    const { network, environment, words } = options;
    const namespaces = ['--mount', '--uts', '--pid', '--fork', '--propagation', 'private'];
    const net = `--net=/proc/${String(network)}/ns/net`;
    this.process = spawn('nsenter', [net, 'unshare', ...namespaces, 'sh', ...words], {
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.process.stdout, this.process.stderr])
      stream?.on('data', (part: Buffer) => (this.output += part.toString('utf8')));
    this.ended = once(this.process, 'close').then(([status]) => ({
      status: status as number | null,
      output: this.output,
    }));
  }

  get hasEnded(): boolean {
    return this.process.exitCode !== null || this.process.signalCode !== null;
  }

  async exec(command: readonly string[]): Promise<Ended> {
    const inside = this.firstProcess();
    if (inside === '') return { status: null, output: `${this.name} has no process` };
    const [user = '', group = ''] = this.options.user.split(':');
    const number = (kind: '-u' | '-g', name: string): string =>
      /^\d+$/.test(name) ? name : execFileSync('id', [kind, user], { encoding: 'utf8' }).trim();
    const identity = ['--setgid', number('-g', group), '--setuid', number('-u', user)];
    const namespaces = ['--mount', '--uts', '--net', '--pid', '--root', '--wd'];
    const child = spawn('nsenter', ['--target', inside, ...namespaces, ...identity, '--', ...command], {
      env: this.options.environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (part: Buffer) => (output += part.toString('utf8')));
    const [status] = (await once(child, 'close')) as [number | null];
    return { status, output };
  }

  /** `true` once its root is made, and where it has ended already. */
  hasRoot(): boolean {
    const inside = this.firstProcess();
    return this.hasEnded || (inside !== '' && readlinkSync(`/proc/${inside}/root`) !== '/');
  }

  /** Kills every process in it. */
  async kill(): Promise<void> {
    // The first process takes all others of its process ids with it. --kill-child has no effect on one that has changed its user.
    const inside = this.firstProcess();
    if (inside !== '') process.kill(Number(inside), 'SIGKILL');
    await this.ended;
  }

  /** The id of the process that unshare started, which is in the namespaces; unshare itself is not. Empty: it has ended. */
  private firstProcess(): string {
    const pid = String(this.process.pid);
    if (this.hasEnded) return '';
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  }
}
