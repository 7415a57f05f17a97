import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { until, type Installation } from './installation';

const main = resolve(__dirname, '..', '..', 'dist', 'worker', 'main.js');

/** A worker that is a machine of its own as far as the local site can tell: its own host name and directory. */
export class WorkerProcess {
  private logged_ = '';

  private constructor(
    private readonly child: ChildProcess,
    /** Where its jobs run. */
    readonly directory: string,
  ) {
    child.stdout?.on('data', (part: Buffer) => {
      this.logged_ += part.toString('utf8');
    });
  }

  static async start(
    installation: Installation,
    name: string,
    slots: number,
    options: readonly string[] = [],
    { storage }: { readonly storage?: string } = {},
  ): Promise<WorkerProcess> {
    const directory = join(installation.folder, name);
    const settings = readFileSync(installation.config, 'utf8').replace(
      /"slots":\d+/,
      `"slots":${String(slots)},"working_dir":${JSON.stringify(directory)}`,
    );
    const other = storage === undefined ? '' : `storage: ${JSON.stringify(storage)}\n`;
    const config = installation.write(`${name}.yaml`, settings + other);
    const child = spawn(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', main, '--config', config, ...options],
      {
        env: { ...installation.env, PERDURE_HOST: name },
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    const worker = new WorkerProcess(child, directory);
    await until(`worker ${name} is ready`, () => worker.logged.includes('"msg":"worker ready"'));
    return worker;
  }

  get logged(): string {
    return this.logged_;
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** Sends SIGTERM and waits. @returns the exit status */
  async end(): Promise<number | null> {
    this.child.kill('SIGTERM');
    await this.ended();
    return this.child.exitCode;
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended();
  }

  private async ended(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) await once(this.child, 'exit');
  }
}
