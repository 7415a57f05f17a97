import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Connection } from '@temporalio/client';
import {
  InternalConnectionOptionsSymbol,
  type InternalConnectionOptions,
} from '@temporalio/client/lib/connection';
import { temporal } from '@temporalio/proto';
import { searchAttributes } from '../../../src/study/search-attributes';
import { freePort } from '../free-port';

const root = resolve(__dirname, '..', '..', '..');
const cache = join(root, 'node_modules', '.cache');
const program = join(cache, 'temporal-test-server', 'temporal-test-server');

export const workflowsPath = join(root, 'src', 'workflows');
/** The environment variable with the path of the bundled workflows. */
export const bundleVariable = 'PERDURE_TEST_WORKFLOW_BUNDLE';
/** The environment variable with the address of the server that test files share. */
export const serverVariable = 'PERDURE_TEST_WORKFLOW_SERVER';
/** Where this run of jest keeps the bundled workflows. */
export const bundleFile = join(cache, 'workflow-tests', `bundle-${String(process.pid)}.js`);

/** A JVM on a busy machine needs some seconds. */
const startTimeoutMs = 60_000;

const valueTypes = temporal.api.enums.v1.IndexedValueType;

/** Whether Temporal's time-skipping test server, which `scripts/setup.sh test` installs, can run here. */
export function testServerRuns(): boolean {
  return existsSync(program) && spawnSync('java', ['-version']).status === 0;
}

/**
 * Temporal's time-skipping test server: a process of its own, with its state in memory. The SDK's `createTimeSkipping` would start it
 * as well, but gives up after five seconds.
 */
export class TestServer {
  private constructor(
    readonly address: string,
    readonly connection: Connection,
    /** Absent where another process has started it. */
    private readonly process?: ChildProcess,
  ) {}

  /** Starts a server whose clock runs at normal speed. */
  static async start(): Promise<TestServer> {
    const port = await freePort();
    const child = spawn(program, [String(port), '--enable-time-skipping'], { stdio: 'ignore' });
    const address = `127.0.0.1:${String(port)}`;
    try {
      const connection = await connect(address, child);
      // They hold for all namespaces. A workflow task that sets an unknown search attribute never completes.
      await connection.operatorService.addSearchAttributes({
        namespace: 'default',
        searchAttributes: Object.fromEntries(
          Object.values(searchAttributes).map(({ name, type }) => [
            name,
            valueTypes[`INDEXED_VALUE_TYPE_${type}`],
          ]),
        ),
      });
      // At first it skips to the next timer whenever nothing runs, be it the end of a workflow in ten years.
      await connection.testService?.lockTimeSkipping({});
      return new TestServer(address, connection, child);
    } catch (error) {
      await end(child);
      throw error;
    }
  }

  /** Connects to the server that jest's global setup has started. */
  static async shared(): Promise<TestServer> {
    const address = process.env[serverVariable] ?? '';
    return new TestServer(address, await connect(address));
  }

  /** Closes the connection, and ends the server if this process has started it. */
  async stop(): Promise<void> {
    await this.connection.close();
    if (this.process !== undefined) await end(this.process);
  }
}

async function connect(address: string, child?: ChildProcess): Promise<Connection> {
  const options: InternalConnectionOptions = {
    ...{ address, connectTimeout: '1s' },
    [InternalConnectionOptionsSymbol]: { supportsTestService: true },
  };
  const end = performance.now() + startTimeoutMs;
  for (;;) {
    try {
      return await Connection.connect(options);
    } catch (error) {
      if (child !== undefined && child.exitCode !== null)
        throw new Error(`${program} ended with ${String(child.exitCode)}`, { cause: error });
      if (performance.now() > end) throw error;
    }
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill();
  await ended;
}
