import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { createInterface } from 'node:readline';
import { withoutSecrets } from '../process/environment';
import { handleErrors } from '../process/handle-errors';
import { PerdureError } from '../study/error';

/** How much of the last error output is kept, in characters. */
const keptErrors = 4_000;

interface Running {
  readonly child: ChildProcessWithoutNullStreams;
  readonly serial: number;
  /** Settles with the next line, or fails when the process ends. */
  waiting: { readonly resolve: (line: string) => void; readonly reject: (error: Error) => void } | undefined;
  errors: string;
  readonly ended: Promise<void>;
}

/**
 * A child process that answers each line on its standard input with one line on its standard output, one request at a time. It has
 * a process group of its own, so that a wrapper script is killed together with the programs that it started.
 */
export class LineProcess {
  private running: Running | undefined;
  private started = 0;

  constructor(
    private readonly command: string,
    private readonly args: readonly string[],
  ) {}

  /** Starts the process if it does not run. @returns a number that is another one for each process */
  start(): number {
    this.running ??= this.spawn();
    return this.running.serial;
  }

  /**
   * @param timeoutMs how long to wait for the answer; then the process group is killed, and the next request starts a new process
   * @throws {@link PerdureError} `InvalidInput` where the command can't be run, `Unavailable` with the last lines of its
   * error output where it ended before it answered, and where it did not answer in time
   */
  request(line: string, timeoutMs: number): Promise<string> {
    this.start();
    const { running } = this;
    if (running === undefined || running.waiting !== undefined) throw new Error('one request at a time');
    let timer: NodeJS.Timeout | undefined;
    const answer = new Promise<string>((resolve, reject) => {
      running.waiting = { resolve, reject };
      timer = setTimeout(() => {
        const seconds = String(Math.round(timeoutMs / 1000));
        this.end(
          running,
          `the sampler's process '${this.command}' did not answer within ${seconds} s and was killed`,
        );
      }, timeoutMs);
      running.child.stdin.write(`${line}\n`);
    });
    return answer.finally(() => {
      clearTimeout(timer);
    });
  }

  /** Kills the process group. A request that waits for an answer fails. */
  async close(): Promise<void> {
    const { running } = this;
    if (running === undefined) return;
    this.end(running, 'the sampler was closed');
    await running.ended;
  }

  private end(running: Running, why: string): void {
    if (this.running === running) this.running = undefined;
    running.waiting?.reject(new PerdureError('Unavailable', why, { where: 'sampler' }));
    running.waiting = undefined;
    const { child } = running;
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    } catch {
      // The whole group has ended.
    }
    // A process that has left the group may keep the pipes open.
    for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy();
  }

  private spawn(): Running {
    const child = handleErrors(
      spawn(this.command, this.args, {
        detached: true,
        stdio: ['pipe', 'pipe', 'pipe'],
        env: withoutSecrets(),
      }),
      (cause) => {
        fail(this.notStarted(cause));
      },
    );
    let end: () => void = () => undefined;
    const running: Running = {
      child,
      serial: ++this.started,
      waiting: undefined,
      errors: '',
      ended: new Promise((resolve) => (end = resolve)),
    };
    const fail = (error: PerdureError): void => {
      if (this.running === running) this.running = undefined;
      running.waiting?.reject(error);
      running.waiting = undefined;
      end();
    };
    createInterface({ input: child.stdout }).on('line', (line) => {
      running.waiting?.resolve(line);
      running.waiting = undefined;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      running.errors = (running.errors + text).slice(-keptErrors);
    });
    child.on('close', (code, signal) => {
      fail(new PerdureError('Unavailable', this.endOf(running, code, signal), { where: 'sampler' }));
    });
    return running;
  }

  private notStarted(cause: Error): PerdureError {
    return new PerdureError('InvalidInput', `'${this.command}' can't be run (${cause.message})`, {
      where: 'sampler.python',
      hint: 'name a Python that has Optuna, for example `python: .venv/bin/python`',
      cause,
    });
  }

  private endOf({ errors }: Running, code: number | null, signal: NodeJS.Signals | null): string {
    const how = signal ?? `exit code ${String(code)}`;
    const last = errors.trim().split('\n').slice(-3).join(' | ');
    return `the sampler's process '${this.command}' ended (${how})${last === '' ? '' : `: ${last}`}`;
  }
}
