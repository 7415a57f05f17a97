import { setTimeout as sleep } from 'node:timers/promises';
import { PerdureError } from '../../study/error';
import type { JsonObject } from '../../study/json';
import { mostIds, type GlobusClient } from './globus-client';
import type { GlobusSite, Patience } from './globus-site';
import type { GlobusJournal } from './journal';
import { endOf, ResultQueue, type TaskEnd } from './result-queue';
import { taskPayload } from './serialization';
import { largestPayload, payloadBytes, Submissions, type SiteFunction } from './submissions';
import { readEnd, type TaskAnswer } from './task-answer';
import type { ResourceSpecification } from './wire';

/** Takes in what came of a task of an attempt, once it is safe to forget it elsewhere. */
export type TakeAnswer = (attempt: string, taskId: string, said: TaskAnswer) => Promise<void>;

/** A task whose end is awaited. */
interface Open {
  readonly attempt: string | null;
  readonly group: string | null;
  readonly submittedAt: number;
  /** By `performance.now`, as nobody sets that clock back. */
  askedAt: number;
}

/** How long an end that nobody waits for yet is kept: the answer to its submission may be on its way (milliseconds). */
const earliness = 60_000;

/**
 * The tasks of a site and what comes of them, by AMQP or by asking, whichever is first; each end is taken once. Small tasks (`call`)
 * are of this process alone; those of attempts are in the journal.
 */
export class TaskBoard {
  private readonly submissions: Submissions;
  private readonly queue: ResultQueue;
  private readonly open = new Map<string, Open>();
  private readonly calls = new Map<string, (said: TaskAnswer) => void>();
  private readonly taking = new Map<string, Promise<void>>();
  private readonly early = new Map<string, { readonly end: TaskEnd; readonly at: number }>();
  private readonly closing = new AbortController();
  private polling: Promise<void> | undefined;
  private adopted: Promise<void> | undefined;
  private problem: PerdureError | null = null;
  /** When the newest of the tasks that a worker has got was submitted. */
  private reached = 0;
  private heardAt = 0;

  constructor(
    private readonly site: GlobusSite,
    private readonly client: GlobusClient,
    private readonly journal: GlobusJournal,
    fn: SiteFunction,
    private readonly take: TakeAnswer,
    private readonly patience: Patience,
  ) {
    this.submissions = new Submissions(site, client, journal, fn, patience.gather);
    this.queue = new ResultQueue(
      () => client.resultQueues(),
      (taskId, end) => this.ended(taskId, end),
    );
  }

  /** Why the service could not be asked last time; `null`: it could, or nothing is awaited. */
  get outage(): PerdureError | null {
    return this.open.size === 0 ? null : this.problem;
  }

  /** Tasks submitted up to then (milliseconds since the epoch) have had their turn. */
  get turn(): number {
    return this.reached;
  }

  /** When anything was heard of any task (milliseconds since the epoch). */
  get newsAt(): number {
    return this.heardAt;
  }

  /** A task submitted then has a worker. */
  hasBegun(submittedAt: number): void {
    this.reached = Math.max(this.reached, submittedAt);
    this.heardAt = Date.now();
  }

  /** Takes up the tasks that an earlier worker left. */
  adopt(): Promise<void> {
    this.adopted ??= this.adoptNow().catch((error: unknown) => {
      this.adopted = undefined;
      throw error;
    });
    return this.adopted;
  }

  /**
   * Submits a task of an attempt.
   * @returns its id, which the journal has by then
   */
  async submit(
    attempt: string,
    request: JsonObject,
    resources: ResourceSpecification | null,
  ): Promise<string> {
    const { taskId, group } = await this.send(request, resources);
    await this.journal.keepTasks(this.site.site, [{ attempt, taskId }]);
    await this.watch(taskId, { attempt, group, submittedAt: Date.now(), askedAt: performance.now() });
    return taskId;
  }

  /**
   * Runs a small task and waits for what it answers.
   * @throws {@link PerdureError} `Unavailable` where no worker took it in time, or it failed there
   */
  async call(request: JsonObject, timeoutMs: number, signal?: AbortSignal): Promise<JsonObject> {
    const { taskId, group } = await this.send(request, this.smallest);
    const answered = Promise.withResolvers<TaskAnswer>();
    this.calls.set(taskId, answered.resolve);
    const over = new AbortController();
    const ends = [over.signal, this.closing.signal, ...(signal === undefined ? [] : [signal])];
    try {
      await this.watch(taskId, { attempt: null, group, submittedAt: Date.now(), askedAt: performance.now() });
      const late = sleep(timeoutMs, null, { signal: AbortSignal.any(ends) }).catch(() => null);
      const said = await Promise.race([answered.promise, late]);
      if (said === null) throw this.unavailable('no worker of the endpoint was free in time');
      if ('failure' in said) throw this.unavailable(said.failure);
      return said.answer;
    } finally {
      over.abort();
      this.calls.delete(taskId);
      this.open.delete(taskId);
    }
  }

  async close(): Promise<void> {
    this.closing.abort();
    await this.queue.close();
    await this.submissions.close();
    await this.polling;
  }

  /** Engines with MPI want to be told of resources by every task. */
  private get smallest(): ResourceSpecification | null {
    return this.site.resourceSpecification === null ? null : { num_nodes: 1, ranks_per_node: 1 };
  }

  private async send(
    request: JsonObject,
    resources: ResourceSpecification | null,
  ): Promise<{ readonly taskId: string; readonly group: string }> {
    const payload = taskPayload([request]);
    const bytes = payloadBytes(payload);
    if (bytes > largestPayload) {
      throw new PerdureError('SubmitRejected', `what the task would bring has ${String(bytes)} bytes`, {
        where: `site ${this.site.site}`,
        hint: 'give the site a transport, or let the trial fetch what is large by itself',
        nothingDone: true,
      });
    }
    return this.submissions.submit({ payload, resources });
  }

  private unavailable(why: string): PerdureError {
    return new PerdureError('Unavailable', why, { where: `site ${this.site.site}` });
  }

  private async adoptNow(): Promise<void> {
    const groups = await this.journal.taskGroups(this.site.site);
    for (const { attempt, taskId, submittedAt } of await this.journal.openTasks(this.site.site)) {
      if (this.open.has(taskId)) continue;
      this.open.set(taskId, {
        attempt,
        group: groups[0] ?? null,
        submittedAt: submittedAt.getTime(),
        askedAt: -Infinity,
      });
    }
    // An orphan's result may come to any of them.
    for (const group of groups.slice(0, 10)) this.queue.listen(group);
    if (this.open.size > 0) this.poll();
  }

  private async watch(taskId: string, open: Open): Promise<void> {
    if (open.group !== null) this.queue.listen(open.group);
    this.open.set(taskId, open);
    this.poll();
    const early = this.early.get(taskId);
    if (early === undefined) return;
    this.early.delete(taskId);
    await this.ended(taskId, early.end);
  }

  /** From either way. Where it throws, the end comes again. */
  private async ended(taskId: string, end: TaskEnd): Promise<void> {
    const open = this.open.get(taskId);
    const said = readEnd(end);
    this.heardAt = Date.now();
    const call = this.calls.get(taskId);
    if (open !== undefined && 'answer' in said) this.hasBegun(open.submittedAt);
    if (call !== undefined) {
      this.open.delete(taskId);
      call(said);
      return;
    }
    const key = 'answer' in said ? said.answer['key'] : undefined;
    const attempt = open?.attempt ?? (typeof key === 'string' && key !== '' ? key : null);
    if (attempt === null) {
      this.keepEarly(taskId, end);
      return;
    }
    // It may come by both ways at the same moment.
    const taking = this.taking.get(taskId) ?? this.take(attempt, taskId, said);
    this.taking.set(taskId, taking);
    try {
      await taking;
      this.open.delete(taskId);
    } finally {
      this.taking.delete(taskId);
    }
  }

  private keepEarly(taskId: string, end: TaskEnd): void {
    const now = performance.now();
    for (const [id, { at }] of this.early) if (now - at > earliness) this.early.delete(id);
    this.early.set(taskId, { end, at: now });
  }

  /** Asks for what does not come by itself, as long as anything is awaited. */
  private poll(): void {
    this.polling ??= this.pollAll().finally(() => {
      this.polling = undefined;
      if (this.open.size > 0 && !this.closing.signal.aborted) this.poll();
    });
  }

  private async pollAll(): Promise<void> {
    const { signal } = this.closing;
    for (let failures = 0; this.open.size > 0 && !signal.aborted;) {
      for (const { group } of this.open.values()) if (group !== null) this.queue.listen(group);
      const due = this.due();
      try {
        let taken = true;
        for (let at = 0; at < due.length; at += mostIds)
          taken = (await this.askFor(due.slice(at, at + mostIds))) && taken;
        failures = taken ? 0 : failures + 1;
      } catch (error) {
        if (!(error instanceof PerdureError)) throw error;
        this.problem = error;
        failures += 1;
      }
      const wait = Math.min(this.patience.poll.alone, 1000) * Math.min(30, 2 ** failures);
      await sleep(wait, undefined, { signal }).catch(() => undefined);
    }
  }

  private due(): readonly string[] {
    const now = performance.now();
    const { alone, listening } = this.patience.poll;
    // Without news of their own, many tasks are asked for less often each: the service takes two questions a second.
    const often = Math.max(alone, 1000 * Math.ceil(this.open.size / mostIds));
    return [...this.open]
      .filter(([, { group, askedAt }]) => {
        const hears = group !== null && this.queue.listensTo(group);
        return now - askedAt >= (hears ? listening : often);
      })
      .map(([taskId]) => taskId);
  }

  /** @returns whether all that has come was taken in */
  private async askFor(ids: readonly string[]): Promise<boolean> {
    for (const id of ids) {
      const open = this.open.get(id);
      if (open !== undefined) open.askedAt = performance.now();
    }
    const results = await this.client.batchStatus(ids).catch((error: unknown) => {
      for (const id of ids) this.askAgain(id);
      throw error;
    });
    this.problem = null;
    let taken = true;
    for (const id of ids) {
      const status = results[id];
      const end = status === undefined ? null : endOf(status);
      if (end === null || !this.open.has(id)) continue;
      try {
        await this.ended(id, end);
      } catch (error) {
        // The ledger did not take it: no fault of the service's, and no matter of the others.
        if (!(error instanceof PerdureError)) throw error;
        this.askAgain(id);
        taken = false;
      }
    }
    return taken;
  }

  /** It stays due. */
  private askAgain(id: string): void {
    const open = this.open.get(id);
    if (open !== undefined) open.askedAt = -Infinity;
  }
}
