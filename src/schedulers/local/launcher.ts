import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import { handleErrors } from '../../process/handle-errors';

/** A process to start, detached, with nothing on its standard streams. */
export interface Launch {
  readonly command: string;
  readonly args: readonly string[];
  readonly argv0: string;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

interface Waiting {
  readonly helper: ChildProcess;
  readonly started: PromiseWithResolvers<void>;
  readonly ended: PromiseWithResolvers<void>;
}

type News =
  | { readonly id: number; readonly kind: 'started' | 'ended' }
  | { readonly id: number; readonly kind: 'failed'; readonly code?: string; readonly message: string };

/** Starts processes through a small helper process; see `launcher-process.js`. */
export class Launcher {
  private helper: ChildProcess | undefined;
  private readonly waiting = new Map<number, Waiting>();
  private next = 0;
  private starting = 0;

  /**
   * Starts a process. What is given back resolves when it has ended, or when that can't be learned here any more.
   * @throws the error of `spawn`, with its `code`
   */
  async start(launch: Launch): Promise<{ readonly ended: Promise<void> }> {
    const id = this.next++;
    const helper = this.connected();
    const waiting: Waiting = { helper, started: Promise.withResolvers(), ended: Promise.withResolvers() };
    this.waiting.set(id, waiting);
    // An answer that is awaited keeps this process alive; a running job does not.
    this.starting += 1;
    helper.channel?.ref();
    helper.send({ id, ...launch }, (error) => {
      if (error !== null) this.hear({ id, kind: 'failed', message: error.message });
    });
    try {
      await waiting.started.promise;
    } finally {
      this.starting -= 1;
      if (this.starting === 0) helper.channel?.unref();
    }
    return { ended: waiting.ended.promise };
  }

  /** Ends the helper; what it has started goes on. */
  close(): void {
    if (this.helper?.connected === true) this.helper.disconnect();
    this.helper = undefined;
  }

  private connected(): ChildProcess {
    if (this.helper?.connected === true) return this.helper;
    const helper = handleErrors(
      fork(join(__dirname, 'launcher-process.js'), {
        // Without what this process was started with: a debugger's port, a loader.
        execArgv: [],
        env: { PATH: process.env['PATH'] },
        stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      }),
      () => {
        this.lost(helper);
      },
    );
    helper.on('message', (news) => {
      this.hear(news as News);
    });
    helper.on('disconnect', () => {
      this.lost(helper);
    });
    helper.unref();
    helper.channel?.unref();
    this.helper = helper;
    return helper;
  }

  private hear(news: News): void {
    const waiting = this.waiting.get(news.id);
    if (waiting === undefined) return;
    if (news.kind === 'started') {
      waiting.started.resolve();
      return;
    }
    this.waiting.delete(news.id);
    if (news.kind === 'failed')
      waiting.started.reject(Object.assign(new Error(news.message), { code: news.code }));
    else waiting.ended.resolve();
  }

  /** The helper was killed: whether something was started is found out by looking at its directory. */
  private lost(helper: ChildProcess): void {
    if (this.helper === helper) this.helper = undefined;
    for (const [id, { helper: asked, started, ended }] of this.waiting) {
      if (asked !== helper) continue;
      this.waiting.delete(id);
      started.reject(new Error('the process that starts jobs has ended'));
      ended.resolve();
    }
  }
}
