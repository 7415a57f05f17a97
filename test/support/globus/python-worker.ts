import { spawn, type ChildProcess } from 'node:child_process';
import { FakeResult, type FakeRun, type FakeTask } from './endpoint-book';
import { argumentsOf, sourceOf } from './packed';

const script = `
import json, sys
name, source, args, kwargs = json.load(sys.stdin)
namespace = {}
exec(source, namespace)
print(json.dumps(namespace[name](*args, **kwargs)))
`;

/**
 * Workers of an endpoint without its daemon: each task is a Python process that runs the function as it was registered, so many at
 * once, the others after them in order. A task whose process is killed fails as at the real one (`WorkerLost`); one that is
 * killed as {@link vanish} says leaves no word at all, as where the daemon itself is killed.
 */
export class PythonWorkers {
  private readonly tasks: FakeTask[] = [];
  private readonly running = new Map<ChildProcess, { silent: boolean }>();
  private waiting: ((go: boolean) => void)[] = [];
  private held = false;

  constructor(private readonly most = 4) {}

  readonly run: FakeRun = async (task) => {
    if (this.held || this.running.size >= this.most) {
      if (!(await new Promise<boolean>((go) => this.waiting.push(go)))) return null;
    }
    this.tasks.push(task);
    return this.execute(task);
  };

  /** Tasks of attempts that have begun, in order. */
  get begun(): readonly FakeTask[] {
    return this.tasks.filter(({ payload }) => isAttempt(payload));
  }

  /** No worker takes a task until {@link release}. */
  hold(): void {
    this.held = true;
  }

  release(): void {
    this.held = false;
    this.next();
  }

  /** Ends every worker that is at work. */
  kill(): void {
    for (const child of this.running.keys()) child.kill('SIGKILL');
  }

  /** The daemon and its workers are killed: what was at work is never heard of again, and what waited is not either. */
  vanish(): void {
    for (const [child, state] of this.running) {
      state.silent = true;
      child.kill('SIGKILL');
    }
    for (const go of this.waiting.splice(0)) go(false);
  }

  private async execute(task: FakeTask): Promise<unknown> {
    const child = spawn('python3', ['-c', script], {
      env: { ...process.env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const state = { silent: false };
    this.running.set(child, state);
    const said = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const)
      child[name].setEncoding('utf8').on('data', (part: string) => (said[name] += part));
    const { name, source } = sourceOf(task.functionCode);
    const { args, kwargs } = argumentsOf(task.payload);
    // One that ends before it has read its task: how it ended is told below.
    child.stdin.on('error', () => undefined);
    child.stdin.end(JSON.stringify([name, source, args, kwargs]));
    const code = await new Promise<number | null>((done) => child.once('close', done));
    this.running.delete(child);
    this.next();
    if (state.silent) return null;
    if (code === 0) return new FakeResult(`11\n${said.stdout.trimEnd()}`);
    const why =
      code === null ? 'parsl.executors.errors.WorkerLost: Task failure due to loss of worker' : said.stderr;
    return new FakeResult(why, { code: 'RemoteExecutionError', user_message: 'the task failed' });
  }

  private next(): void {
    // Each that begins counts from its next turn on.
    const free = this.held ? 0 : this.most - this.running.size;
    for (const go of this.waiting.splice(0, Math.max(0, free))) go(true);
  }
}

export function isAttempt(payload: string): boolean {
  return (argumentsOf(payload).args[0] as { readonly do?: string }).do === 'attempt';
}
