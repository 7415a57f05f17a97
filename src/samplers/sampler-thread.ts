import { extname, join } from 'node:path';
import { Worker, type WorkerOptions } from 'node:worker_threads';
import { handleErrors } from '../process/handle-errors';
import { PerdureError, type ErrorKind } from '../study/error';
import type { Json } from '../study/json';
import type { Params, SearchSpace } from '../study/space';
import type { SamplerSpec } from '../study/spec';
import type { Direction, Trial } from '../study/trial';
import type { ProposalRequest, Sampler } from './sampler';

/** How long one proposal may take (milliseconds); less than the 5 minutes that the `propose` activity may take. */
const proposalTimeoutMs = 240_000;

/** What the thread is asked. A part that is absent is as it was in the sampler's last question. */
export type Question =
  | { readonly kind: 'close'; readonly sampler: number }
  | {
      readonly kind: 'propose';
      readonly id: number;
      readonly sampler: number;
      readonly created?: { readonly spec: SamplerSpec; readonly seed: number };
      readonly space?: SearchSpace;
      /** `true`: `finished` begins a new history. */
      readonly isNewHistory: boolean;
      readonly finished: readonly Trial[];
      readonly running: readonly Trial[];
      readonly number: number;
      readonly directions: readonly Direction[];
      readonly fixed: Params;
    };

export interface Answer {
  readonly id: number;
  readonly params?: Params | null;
  readonly attrs?: Readonly<Record<string, Json>>;
  readonly error?: {
    readonly kind: ErrorKind | null;
    readonly message: string;
    readonly where?: string;
    readonly hint?: string;
  };
}

/**
 * A sampler that proposes in a thread, so that the process goes on with its other work. All samplers of a process share one thread,
 * which starts with the first proposal and ends when the last sampler is closed. The thread keeps each sampler's history and is sent what
 * is new. A thread that dies fails the proposals under way; the next one starts another.
 */
export class ThreadSampler implements Sampler {
  private readonly id = ++lastSampler;
  private closed = false;
  /** What the thread has been told. */
  private told:
    | {
        readonly thread: SamplerThread;
        readonly space: SearchSpace;
        readonly history: readonly Trial[];
        count: number;
      }
    | undefined;

  /** @param options of the thread */
  constructor(
    private readonly spec: SamplerSpec,
    private readonly seed: number,
    private readonly options: WorkerOptions = {},
  ) {
    open.add(this.id);
  }

  /** @throws {@link PerdureError} `Unavailable` where the thread died or did not answer in time, and the sampler's own errors */
  async propose({
    number,
    space,
    directions,
    fixed,
    history,
    onChoice,
  }: ProposalRequest): Promise<Params | null> {
    if (this.closed) throw new PerdureError('Unavailable', 'the sampler was closed', { where: 'sampler' });
    shared ??= new SamplerThread(this.options);
    const thread = shared;
    const { finished, running } = history;
    const told = this.told?.thread === thread ? this.told : undefined;
    const isKnown = told?.history === finished && told.count <= finished.length;
    const from = isKnown ? told.count : 0;
    this.told = { thread, space, history: finished, count: finished.length };
    const answer = await thread.ask({
      kind: 'propose',
      sampler: this.id,
      ...(told === undefined ? { created: { spec: this.spec, seed: this.seed } } : {}),
      ...(told?.space === space ? {} : { space }),
      isNewHistory: !isKnown,
      finished: finished.slice(from).map(learnablePart),
      running: running.map(learnablePart),
      number,
      directions,
      fixed,
    });
    if (answer.attrs !== undefined) onChoice?.(answer.attrs);
    return answer.params ?? null;
  }

  async close(): Promise<void> {
    this.closed = true;
    if (!open.delete(this.id)) return;
    if (open.size > 0) shared?.forget(this.id);
    else await shared?.end(new PerdureError('Unavailable', 'the sampler was closed', { where: 'sampler' }));
  }
}

let shared: SamplerThread | undefined;
let lastSampler = 0;
const open = new Set<number>();

/** What samplers learn from: the rest of a trial would only cost time. */
function learnablePart(trial: Trial): Trial {
  return { ...trial, distributions: {}, userAttrs: {}, datetimeStart: null, datetimeComplete: null };
}

interface Waiting {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

class SamplerThread {
  private readonly worker: Worker;
  private readonly waiting = new Map<number, Waiting>();
  private last = 0;

  constructor(options: WorkerOptions) {
    const program = join(__dirname, `sampler-thread-program${extname(__filename)}`);
    this.worker = handleErrors(new Worker(program, options), (error) => {
      void this.end(
        new PerdureError('Unavailable', `the sampler's thread failed: ${error.message}`, { cause: error }),
      );
    });
    // An idle thread must not keep a process alive.
    this.worker.unref();
    this.worker.on('message', (answer: Answer) => {
      this.settle(answer);
    });
    this.worker.on('exit', () => {
      void this.end(new PerdureError('Unavailable', "the sampler's thread ended", { where: 'sampler' }));
    });
  }

  ask(question: Omit<Extract<Question, { kind: 'propose' }>, 'id'>): Promise<Answer> {
    const id = ++this.last;
    return new Promise<Answer>((resolve, reject) => {
      const timer = setTimeout(() => {
        const text = `the sampler did not answer within ${String(proposalTimeoutMs / 1000)} s`;
        void this.end(new PerdureError('Unavailable', text, { where: 'sampler' }));
      }, proposalTimeoutMs);
      this.waiting.set(id, { resolve, reject, timer });
      this.worker.ref();
      this.worker.postMessage({ ...question, id } satisfies Question);
    });
  }

  forget(sampler: number): void {
    this.worker.postMessage({ kind: 'close', sampler } satisfies Question);
  }

  /** Ends the thread and fails what it was asked. */
  async end(reason: PerdureError): Promise<void> {
    if (shared === this) shared = undefined;
    for (const { reject, timer } of this.waiting.values()) {
      clearTimeout(timer);
      reject(reason);
    }
    this.waiting.clear();
    await this.worker.terminate();
  }

  private settle({ id, ...answer }: Answer): void {
    const waiting = this.waiting.get(id);
    if (waiting === undefined) return;
    this.waiting.delete(id);
    clearTimeout(waiting.timer);
    if (this.waiting.size === 0) this.worker.unref();
    const { error } = answer;
    if (error === undefined) waiting.resolve({ id, ...answer });
    else if (error.kind === null) waiting.reject(new Error(error.message));
    else
      waiting.reject(new PerdureError(error.kind, error.message, { where: error.where, hint: error.hint }));
  }
}
