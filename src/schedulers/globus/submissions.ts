import { createHash } from 'node:crypto';
import { PerdureError } from '../../study/error';
import type { GlobusClient } from './globus-client';
import type { GlobusSite } from './globus-site';
import type { GlobusJournal } from './journal';
import { functionCode, resultSerializers } from './serialization';
import type { ResourceSpecification, SubmitTasks } from './wire';

/** Bytes of payloads in one request, whose body may have 10 MB; a single one with more is refused before it is sent. */
export const largestPayload = 8 * 2 ** 20;
const mostTasks = 500;
/** After a login as another identity the service knows neither the function nor the group: a turn for each, and one more. */
const mostTurns = 3;
/** Requests under way at once; tasks that come meanwhile are gathered into the next one. */
const atOnce = 2;

/** A task to submit. */
export interface NewTask {
  /** In Globus Compute's own form. */
  readonly payload: string;
  readonly resources: ResourceSpecification | null;
}

interface Waiting {
  readonly task: NewTask;
  readonly bytes: number;
  readonly done: (submitted: Submitted) => void;
  readonly failed: (error: unknown) => void;
}

export interface Submitted {
  readonly taskId: string;
  readonly group: string;
}

/** A function of ours as the service has to know it. */
export interface SiteFunction {
  readonly name: string;
  readonly text: string;
}

/** What a payload takes in the body of a request: quotes in it, and what is not ASCII, more than a byte. */
export function payloadBytes(payload: string): number {
  return Buffer.byteLength(JSON.stringify(payload));
}

/** Registrations under way, of all sites of this process that share a ledger: studies at several sites may begin at once. */
const registering = new WeakMap<GlobusJournal, Map<string, Promise<string>>>();

/**
 * Submits tasks, those that come at the same moment by one request, to one task group: the queue of results of an earlier submission,
 * whose answer may have been lost, is then the queue of this one.
 */
export class Submissions {
  private waiting: Waiting[] = [];
  private underWay = 0;
  private timer: NodeJS.Timeout | undefined;
  private closed = false;
  private readonly sending = new Set<Promise<void>>();
  private group: string | null | undefined;
  private readonly code: string;
  private readonly hash: string;

  constructor(
    private readonly site: GlobusSite,
    private readonly client: GlobusClient,
    private readonly journal: GlobusJournal,
    private readonly fn: SiteFunction,
    private readonly gather: number,
  ) {
    this.code = functionCode(fn.name, fn.text);
    this.hash = createHash('sha256').update(this.code).digest('hex');
  }

  /** @throws {@link PerdureError} whatever came of the request; `Unavailable` where this was closed before it was sent */
  submit(task: NewTask): Promise<Submitted> {
    if (this.closed) return Promise.reject(this.ending());
    return new Promise((done, failed) => {
      this.waiting.push({ task, bytes: payloadBytes(task.payload), done, failed });
      this.schedule();
    });
  }

  /** Refuses what is not sent yet. Resolves when nothing is under way any more: the journal may be closed then. */
  async close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.timer);
    for (const { failed } of this.waiting.splice(0)) failed(this.ending());
    await Promise.all(this.sending);
  }

  private ending(): PerdureError {
    return new PerdureError('Unavailable', 'the worker ends', { where: this.where });
  }

  private schedule(): void {
    // Only one makes the group; it is the first of the site's life.
    const most = this.group == null ? 1 : atOnce;
    if (this.closed || this.timer !== undefined || this.waiting.length === 0 || this.underWay >= most) return;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      const mine = this.sendNext().finally(() => this.sending.delete(mine));
      this.sending.add(mine);
    }, this.gather);
  }

  private async sendNext(): Promise<void> {
    const batch = this.takeBatch();
    if (batch.length === 0) return;
    this.underWay += 1;
    // What else waits goes beside it, where there is room.
    if (this.group != null) this.schedule();
    try {
      const submitted = await this.send(batch.map(({ task }) => task));
      batch.forEach(({ done, failed }, i) => {
        const one = submitted[i];
        if (one === undefined)
          failed(
            new PerdureError('Unavailable', 'the answer to a submission is cut off', { where: this.where }),
          );
        else done(one);
      });
    } catch (error) {
      for (const { failed } of batch) failed(error);
    } finally {
      this.underWay -= 1;
      this.schedule();
    }
  }

  /** Tasks that want the same resources; the others are next. */
  private takeBatch(): readonly Waiting[] {
    const wanted = JSON.stringify(this.waiting[0]?.task.resources ?? null);
    const batch: Waiting[] = [];
    const rest: Waiting[] = [];
    let bytes = 0;
    for (const one of this.waiting) {
      const fits = batch.length === 0 || (batch.length < mostTasks && bytes + one.bytes <= largestPayload);
      if (fits && JSON.stringify(one.task.resources) === wanted) {
        batch.push(one);
        bytes += one.bytes;
      } else rest.push(one);
    }
    this.waiting = rest;
    return batch;
  }

  private get where(): string {
    return `site ${this.site.site}`;
  }

  /** @returns `undefined` in the place of what the answer has no id of */
  private async send(tasks: readonly NewTask[]): Promise<readonly (Submitted | undefined)[]> {
    const nothingDone = (error: unknown): never => {
      throw PerdureError.beforeAnything(error);
    };
    if (this.group === undefined)
      this.group = (await this.journal.taskGroups(this.site.site).catch(nothingDone))[0] ?? null;
    for (let turn = 1; ; turn++) {
      // What went before a second turn may have been carried out after all.
      const functionId = await (turn === 1 ? this.functionId().catch(nothingDone) : this.functionId());
      const group: string | null | undefined = this.group;
      const answer = await this.client.submit(this.site.endpointId, this.request(functionId, tasks));
      if (!('unknown' in answer)) {
        await this.keepGroup(answer.task_group_id);
        const { task_group_id: group, tasks: ids } = answer;
        const of: unknown = ids[functionId];
        return (Array.isArray(of) ? (of as readonly unknown[]) : []).map((taskId) =>
          typeof taskId === 'string' ? { taskId, group } : undefined,
        );
      }
      if (turn === mostTurns) {
        const what = answer.unknown === 'group' ? 'task group' : 'function';
        throw new PerdureError(
          'SubmitRejected',
          `Globus Compute does not know the ${what} that it has just given`,
          { where: this.where },
        );
      }
      // Made by another identity, or deleted since. Of groups, another request may have got a new one meanwhile.
      if (answer.unknown === 'function')
        await this.journal.forgetFunction(this.site.serviceUrl, this.hash, functionId);
      else if (this.group === group) this.group = null;
    }
  }

  private request(functionId: string, tasks: readonly NewTask[]): SubmitTasks {
    const { userEndpointConfig } = this.site;
    const resources = tasks[0]?.resources ?? null;
    return {
      tasks: { [functionId]: tasks.map(({ payload }) => payload) },
      create_queue: true,
      result_serializers: [...resultSerializers],
      ...(this.group == null ? {} : { task_group_id: this.group }),
      ...(Object.keys(userEndpointConfig).length === 0 ? {} : { user_endpoint_config: userEndpointConfig }),
      ...(resources === null ? {} : { resource_specification: resources }),
    };
  }

  /** The service gives another one where it does not know ours any more. */
  private async keepGroup(group: string): Promise<void> {
    if (group === this.group) return;
    await this.journal.keepTaskGroup(this.site.site, group);
    this.group = group;
  }

  private functionId(): Promise<string> {
    const key = `${this.site.serviceUrl}\n${this.hash}`;
    const ofLedger = registering.get(this.journal) ?? new Map<string, Promise<string>>();
    registering.set(this.journal, ofLedger);
    const known = ofLedger.get(key);
    if (known !== undefined) return known;
    const mine = this.findFunction().finally(() => ofLedger.delete(key));
    ofLedger.set(key, mine);
    return mine;
  }

  /** Registered once for each text, whoever asks. */
  private async findFunction(): Promise<string> {
    const { serviceUrl } = this.site;
    const known = await this.journal.findFunction(serviceUrl, this.hash);
    if (known !== null) return known;
    const id = await this.client.registerFunction({
      function_name: this.fn.name,
      function_code: this.code,
      description: 'Runs trials of Perdure',
      public: false,
      // It is text, for any Python from 3.9 on.
      meta: { python_version: '3.9', sdk_version: '4.19.0', serde_identifier: 'st' },
    });
    return this.journal.keepFunction(serviceUrl, this.hash, id);
  }
}
