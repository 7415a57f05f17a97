import { extname, join } from 'node:path';
import { Worker, type WorkerOptions } from 'node:worker_threads';
import { handleErrors } from '../process/handle-errors';
import { PerdureError, type ErrorKind } from '../study/error';
import type { Json } from '../study/json';
import type { Params, SearchSpace } from '../study/space';
import type { SamplerSpec } from '../study/spec';
import type { Direction, Trial } from '../study/trial';
import type { ProposalRequest, Sampler } from './sampler';

/** How long one proposal may take (milliseconds): less than the timeout of the `propose` activity, 5 minutes. */
const proposalTimeoutMs = 240_000;

/** A request to the thread. An absent part has not changed since the sampler's last request. */
export type ThreadRequest =
  | { readonly kind: 'close'; readonly sampler: number }
  | {
      readonly kind: 'propose';
      readonly id: number;
      readonly sampler: number;
      readonly created?: { readonly spec: SamplerSpec; readonly seed: number };
      readonly space?: SearchSpace;
      /** `true`: `finished` is a whole history; otherwise it is what the last one lacks. */
      readonly isNewHistory: boolean;
      readonly finished: readonly Trial[];
      readonly running: readonly Trial[];
      readonly number: number;
      readonly directions: readonly Direction[];
      readonly fixed: Params;
    };

export interface ThreadResponse {
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
 * A sampler that proposes in a thread, so that the process can do other work meanwhile. All samplers of a process share one thread, which
 * starts with the first proposal and ends when the last sampler is closed. The thread keeps the history of each sampler; a request has only
 * the new trials. If the thread dies, the pending proposals fail and the next proposal starts another thread.
 */
export class ThreadSampler implements Sampler {
  private readonly id = ++lastSampler;
  private closed = false;
  /** What was sent to the thread. */
  private sent:
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
    openSamplers.add(this.id);
  }

  /** @throws {@link PerdureError} `Unavailable` if the thread died or did not answer in time, and the sampler's own errors */
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
    const sent = this.sent?.thread === thread ? this.sent : undefined;
    const isSameHistory = sent?.history === finished && sent.count <= finished.length;
    const from = isSameHistory ? sent.count : 0;
    this.sent = { thread, space, history: finished, count: finished.length };
    const answer = await thread.ask({
      kind: 'propose',
      sampler: this.id,
      ...(sent === undefined ? { created: { spec: this.spec, seed: this.seed } } : {}),
      ...(sent?.space === space ? {} : { space }),
      isNewHistory: !isSameHistory,
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
    if (!openSamplers.delete(this.id)) return;
    if (openSamplers.size > 0) shared?.forget(this.id);
    else await shared?.end(new PerdureError('Unavailable', 'the sampler was closed', { where: 'sampler' }));
  }
}

let shared: SamplerThread | undefined;
let lastSampler = 0;
const openSamplers = new Set<number>();

/** The parts of a trial that samplers use. Copying the others to the thread would only cost time. */
function learnablePart(trial: Trial): Trial {
  return { ...trial, distributions: {}, userAttrs: {}, datetimeStart: null, datetimeComplete: null };
}

interface PendingRequest {
  readonly resolve: (answer: ThreadResponse) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

class SamplerThread {
  private readonly worker: Worker;
  private readonly pending = new Map<number, PendingRequest>();
  private lastId = 0;

  constructor(options: WorkerOptions) {
    const program = join(__dirname, `sampler-thread-program${extname(__filename)}`);
    this.worker = handleErrors(new Worker(program, options), (error) => {
      void this.end(
        new PerdureError('Unavailable', `the sampler's thread failed: ${error.message}`, { cause: error }),
      );
    });
    // An idle thread must not keep a process alive.
    this.worker.unref();
    this.worker.on('message', (answer: ThreadResponse) => {
      this.settle(answer);
    });
    this.worker.on('exit', () => {
      void this.end(new PerdureError('Unavailable', "the sampler's thread ended", { where: 'sampler' }));
    });
  }

  ask(request: Omit<Extract<ThreadRequest, { kind: 'propose' }>, 'id'>): Promise<ThreadResponse> {
    const id = ++this.lastId;
    return new Promise<ThreadResponse>((resolve, reject) => {
      const timer = setTimeout(() => {
        const text = `the sampler did not answer within ${String(proposalTimeoutMs / 1000)} s`;
        void this.end(new PerdureError('Unavailable', text, { where: 'sampler' }));
      }, proposalTimeoutMs);
      this.pending.set(id, { resolve, reject, timer });
      this.worker.ref();
      this.worker.postMessage({ ...request, id } satisfies ThreadRequest);
    });
  }

  forget(sampler: number): void {
    this.worker.postMessage({ kind: 'close', sampler } satisfies ThreadRequest);
  }

  /** Ends the thread and rejects the pending requests. */
  async end(reason: PerdureError): Promise<void> {
    if (shared === this) shared = undefined;
    for (const { reject, timer } of this.pending.values()) {
      clearTimeout(timer);
      reject(reason);
    }
    this.pending.clear();
    await this.worker.terminate();
  }

  private settle({ id, ...answer }: ThreadResponse): void {
    const request = this.pending.get(id);
    if (request === undefined) return;
    this.pending.delete(id);
    clearTimeout(request.timer);
    if (this.pending.size === 0) this.worker.unref();
    const { error } = answer;
    if (error === undefined) request.resolve({ id, ...answer });
    else if (error.kind === null) request.reject(new Error(error.message));
    else
      request.reject(new PerdureError(error.kind, error.message, { where: error.where, hint: error.hint }));
  }
}
