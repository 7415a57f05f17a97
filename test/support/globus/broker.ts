import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'amqplib';
import { lock } from 'proper-lockfile';
import { freePort } from '../free-port';

const program = '/usr/lib/rabbitmq/bin/rabbitmq-server';
/** 7 s on an idle machine, 24 s with cold caches, more where others load it. */
const patienceMs = 150_000;

/** `true` where Debian's rabbitmq-server is installed; its service need not run. */
export function brokerAvailable(): boolean {
  return existsSync(program);
}

/** What another process has to know about a running broker. */
interface BrokerRecord {
  readonly folder: string;
  readonly port: number;
  readonly portOfNames: number;
  readonly user: string;
  readonly password: string;
  readonly pid: number;
}

/**
 * Ends what it is given when the process that it watches is gone, however that process ended; so that a killed test run
 * leaves no broker behind. The folder goes last: whoever finds it finds a broker or one that starts.
 */
const guard = `
holder=$1; folder=$2
while kill -0 "$holder" 2>/dev/null && [ ! -e "$folder/end" ]; do sleep 0.5; done
for name in beam epmd; do
  if [ -s "$folder/$name.pid" ]; then kill -9 "$(cat "$folder/$name.pid")" 2>/dev/null; fi
done
rm -rf "$folder"
`;

/**
 * A RabbitMQ of the tests' own on loopback: ports, folder, names and password are its own, and it ends with the process
 * that started it. Start one with {@link start} to kill it; take {@link shared} otherwise, which costs its seconds once.
 */
export class Broker {
  private constructor(private record: BrokerRecord) {}

  static async start(): Promise<Broker> {
    return new Broker(await launch(mkdtempSync(join(tmpdir(), 'perdure-rabbit-')), process.pid));
  }

  /** The broker of this run of jest (or of this process, outside jest): started by who comes first, ended with the run. */
  static async shared(): Promise<Broker> {
    const holder = Number(process.env['PERDURE_TEST_RUN'] ?? process.pid);
    const folder = join(tmpdir(), `perdure-rabbit-of-${String(holder)}`);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const file = join(folder, 'broker.json');
    const release = await lock(folder, {
      lockfilePath: join(folder, 'lock'),
      retries: { retries: 1000, factor: 1, minTimeout: 200 },
    });
    try {
      if (!existsSync(file)) {
        const record = await launch(folder, holder);
        writeFileSync(file, JSON.stringify(record), { mode: 0o600 });
      }
      return new Broker(JSON.parse(readFileSync(file, 'utf8')) as BrokerRecord);
    } finally {
      await release();
    }
  }

  get port(): number {
    return this.record.port;
  }

  get password(): string {
    return this.record.password;
  }

  /** Address with user and password, by another port where a proxy stands before it. */
  url(port = this.record.port): string {
    const { user, password } = this.record;
    return `amqp://${user}:${password}@127.0.0.1:${String(port)}/%2F`;
  }

  /** SIGKILL, as a lost node; durable queues and persistent messages stay on its disk. */
  async kill(): Promise<void> {
    await killed(this.record.pid);
  }

  /** Starts it again after {@link kill}, on the same port with the same queues. */
  async begin(): Promise<void> {
    this.record = { ...this.record, pid: await boot(this.record) };
  }

  /** Ends it for good; never a {@link shared} one. */
  async stop(): Promise<void> {
    writeFileSync(join(this.record.folder, 'end'), '');
    const deadline = Date.now() + 20_000;
    while (existsSync(this.record.folder)) {
      if (Date.now() > deadline) throw new Error(`the broker in ${this.record.folder} does not end`);
      await sleep(50);
    }
  }
}

async function launch(folder: string, holder: number): Promise<BrokerRecord> {
  if (!brokerAvailable()) throw new Error('skipped: needs rabbitmq-server');
  spawn('sh', ['-c', guard, 'guard', String(holder), folder], { detached: true, stdio: 'ignore' }).unref();
  const portOfNames = await freePort();
  const record = {
    folder,
    port: await freePort(),
    portOfNames,
    user: 'tester',
    password: randomBytes(16).toString('hex'),
  };
  writeFileSync(join(folder, 'plugins'), '[].\n');
  const settings = [
    `listeners.tcp.1 = 127.0.0.1:${String(record.port)}`,
    `default_user = ${record.user}`,
    `default_pass = ${record.password}`,
    'vm_memory_high_watermark.absolute = 512MiB',
    'disk_free_limit.absolute = 50MB',
    // A client that is frozen in a test is told from a slow one by the test, not by the broker.
    'heartbeat = 60',
  ];
  writeFileSync(join(folder, 'rabbitmq.conf'), `${settings.join('\n')}\n`, { mode: 0o600 });
  // A free port before the broker: it would start a daemon of names that outlives it.
  const names = spawn('epmd', ['-address', '127.0.0.1', '-port', String(portOfNames)], {
    detached: true,
    stdio: 'ignore',
  });
  await once(names, 'spawn');
  names.unref();
  writeFileSync(join(folder, 'epmd.pid'), String(names.pid));
  return { ...record, pid: await boot(record) };
}

/** @returns the process of a broker that answers */
async function boot(record: Omit<BrokerRecord, 'pid'>): Promise<number> {
  const { folder } = record;
  const log = openSync(join(folder, 'output'), 'a');
  const broker = spawn(program, {
    cwd: folder,
    detached: true,
    stdio: ['ignore', log, log],
    env: {
      PATH: process.env['PATH'],
      HOME: folder,
      // Only then is the process that is started here the broker itself.
      RUNNING_UNDER_SYSTEMD: 'yes',
      RABBITMQ_NODENAME: 'rabbit@localhost',
      RABBITMQ_MNESIA_BASE: join(folder, 'data'),
      RABBITMQ_LOG_BASE: join(folder, 'log'),
      RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq.conf'),
      RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'plugins'),
      RABBITMQ_DIST_PORT: String(await freePort()),
      ERL_EPMD_ADDRESS: '127.0.0.1',
      ERL_EPMD_PORT: String(record.portOfNames),
      RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1} +S 1:1 +sbwt none',
    },
  });
  closeSync(log);
  await once(broker, 'spawn');
  broker.unref();
  writeFileSync(join(folder, 'beam.pid'), String(broker.pid));
  const deadline = Date.now() + patienceMs;
  for (;;) {
    try {
      const { user, password, port } = record;
      await (
        await connect(`amqp://${user}:${password}@127.0.0.1:${String(port)}/%2F`, { timeout: 10_000 })
      ).close();
      return broker.pid!;
    } catch (error) {
      if (broker.exitCode !== null || Date.now() > deadline)
        throw new Error(`RabbitMQ does not start:\n${readFileSync(join(folder, 'output'), 'utf8')}`, {
          cause: error,
        });
      await sleep(100);
    }
  }
}

async function killed(pid: number): Promise<void> {
  try {
    for (process.kill(pid, 'SIGKILL'); ;) {
      process.kill(pid, 0);
      // A zombie is as good as gone; its parent is this process, which reaps it on its next turn.
      await sleep(20);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
