import { setTimeout as sleep } from 'node:timers/promises';
import { PerdureError } from '../../study/error';
import { isObject, type Json } from '../../study/json';
import type { GlobusAuthorization } from './authorization';
import { limitOf, type RequestLimit } from './request-limit';
import { challengeOf, isPassing, serviceError, type Refusal } from './service-error';
import type {
  BatchStatus,
  EndpointConsole,
  EndpointDocument,
  EndpointStatus,
  RegisteredFunction,
  RegisterFunction,
  ResultQueues,
  SubmittedTasks,
  SubmitTasks,
} from './wire';

/** Which service, and how it is asked. */
export interface GlobusService {
  /** The site's name, for messages. */
  readonly site: string;
  readonly serviceUrl: string;
  readonly authorization: GlobusAuthorization;
  /** Asks once, and waits for seconds only: for what a person waits for and can do without. */
  readonly hurried?: boolean;
}

/** Ids in one question for states, as the Python SDK has it. */
export const mostIds = 128;
/** Times that a request is made again where the service could not answer, and the longest time between two (milliseconds). */
const again = { times: 4, longest: 10_000 };
const patience = 60_000;
const hurriedPatience = 5000;
/** The longest that the service is left alone where it wants that (milliseconds): nobody means to wait for years. */
const longestPause = 3_600_000;

/** What of a submission the service does not know. */
export interface Unknown {
  readonly unknown: 'function' | 'group';
}

type Answered<T> =
  | { readonly ok: true; readonly value: T }
  /** `certain`: no earlier try may have been carried out. */
  | { readonly ok: false; readonly refusal: Refusal; readonly certain: boolean };

/**
 * Asks Globus Compute. Requests keep to its limit of rate, and are made again where it could not answer: a submission too, so that
 * one may be carried out twice.
 *
 * Errors: {@link PerdureError} `LoginRequired`, `Unavailable`, `SubmitRejected` for what the service refuses for good.
 */
export class GlobusClient {
  private readonly limit: RequestLimit;
  private readonly closing = new AbortController();

  constructor(private readonly service: GlobusService) {
    this.limit = limitOf(service.serviceUrl);
  }

  /** Makes no request again, and waits for no answer any more: whether those under way were carried out is not known. */
  close(): void {
    this.closing.abort();
  }

  async registerFunction(request: RegisterFunction): Promise<string> {
    const { function_uuid } = await this.ask<RegisteredFunction>(
      'POST',
      '/v3/functions',
      'the function',
      ['function_uuid'],
      request,
    );
    return function_uuid;
  }

  /** Where the service does not know (any more) a function or the task group that is named, it says which. */
  async submit(endpointId: string, request: SubmitTasks): Promise<SubmittedTasks | Unknown> {
    const path = `/v3/endpoints/${endpointId}/submit`;
    const answer = await this.try<SubmittedTasks>('POST', path, request);
    if (answer.ok) {
      const { task_group_id: group, tasks } = answer.value;
      if (typeof group !== 'string' || !isObject(tasks)) throw this.odd('the submission');
      return answer.value;
    }
    const { refusal } = answer;
    const unknown = unknownIn(refusal);
    if (unknown !== null) return { unknown };
    const error = serviceError(refusal, 'the submission', this.service.site);
    throw answer.certain && refusal.status < 500 ? PerdureError.beforeAnything(error) : error;
  }

  async batchStatus(ids: readonly string[]): Promise<BatchStatus['results']> {
    const request = { task_ids: ids };
    const { results } = await this.ask<BatchStatus>(
      'POST',
      '/v2/batch_status',
      'the question for states',
      [],
      request,
    );
    if (!isObject(results)) throw this.odd('the question for states');
    // What is there of a task is looked at further on, whatever it is.
    return Object.fromEntries(Object.entries(results).filter(([, task]) => isObject(task)));
  }

  resultQueues(): Promise<ResultQueues> {
    const told = ['queue_prefix', 'connection_url'] as const;
    return this.ask('GET', '/v2/get_amqp_result_connection_url', 'the question for results', told);
  }

  async endpointStatus(endpointId: string): Promise<EndpointStatus> {
    const what = "the question for the endpoint's state";
    const path = `/v2/endpoints/${endpointId}/status`;
    const { status, details } = await this.ask<EndpointStatus>('GET', path, what, ['status']);
    const workers = workersIn(details);
    return workers === undefined ? { status } : { status, details: workers };
  }

  /** What it was registered with. */
  endpoint(endpointId: string): Promise<EndpointDocument> {
    return this.ask('GET', `/v2/endpoints/${endpointId}`, 'the question for the endpoint', []);
  }

  /** What is known of the processes of an endpoint; only its owner is told, and only with a subscription. */
  async endpointConsole(endpointId: string): Promise<EndpointConsole> {
    const path = `/v3/endpoints/${endpointId}/console?include_fields=last_heartbeat_unix`;
    const what = "the question for the endpoint's processes";
    const told = await this.ask<EndpointConsole>('GET', path, what, []);
    if (!Array.isArray(told.user_endpoints)) throw this.odd(what);
    return told;
  }

  private get times(): number {
    return this.service.hurried === true ? 0 : again.times;
  }

  /** @param texts what the answer has to tell, as text */
  private async ask<T>(
    method: 'GET' | 'POST',
    path: string,
    what: string,
    texts: readonly (keyof T)[],
    body?: object,
  ): Promise<T> {
    const answer = await this.try<T>(method, path, body);
    if (answer.ok && texts.every((name) => typeof answer.value[name] === 'string')) return answer.value;
    if (answer.ok) throw this.odd(what);
    throw serviceError(answer.refusal, what, this.service.site);
  }

  private async try<T>(method: 'GET' | 'POST', path: string, body?: object): Promise<Answered<T>> {
    const text = body === undefined ? undefined : JSON.stringify(body);
    let renewed = false;
    let certain = true;
    for (let turn = 1; ; turn++) {
      const pause = this.limit.pausedFor;
      if (pause > patience)
        throw certain ? PerdureError.beforeAnything(this.paused(pause)) : this.paused(pause);
      const token = await this.service.authorization.accessToken().catch((error: unknown) => {
        throw certain ? PerdureError.beforeAnything(error) : error;
      });
      const answer = await this.once<T>(method, path, token, text).catch((cause: unknown) => {
        if (turn > this.times || this.closing.signal.aborted) throw this.unreachable(cause);
        return null;
      });
      if (answer?.ok === true) return answer;
      const challenge = answer === null ? null : challengeOf(answer.refusal);
      if (answer !== null && challenge !== null) {
        await this.service.authorization.refused(token, challenge);
        // A token that was withdrawn before its time is renewed without anybody; what a session lacks is not.
        if (renewed || challenge.parameters !== null) return { ...answer, certain };
        renewed = true;
        continue;
      }
      if (answer !== null && (!isPassing(answer.refusal) || turn > this.times)) return { ...answer, certain };
      // No answer, or one of a service that failed, says nothing of what was done.
      if (answer === null || answer.refusal.status >= 500) certain = false;
      const asked = answer?.refusal.retryAfter ?? null;
      const backoff = Math.min(again.longest, 250 * 2 ** turn) * (0.5 + Math.random() / 2);
      if (asked !== null) this.limit.pause(Math.min(asked, longestPause));
      await sleep(asked === null ? backoff : 0, undefined, { signal: this.closing.signal }).catch(() => {
        throw this.unreachable(new Error('the worker ends'));
      });
    }
  }

  private async once<T>(
    method: string,
    path: string,
    token: string,
    body: string | undefined,
  ): Promise<Answered<T>> {
    // What is submitted goes before what is asked.
    await this.limit.turn(
      method === 'POST' && path.startsWith('/v3/') ? 'soon' : 'patient',
      this.closing.signal,
    );
    const response = await fetch(`${this.service.serviceUrl}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        accept: 'application/json',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body }),
      // A token goes to the service that it was made for, and nowhere else.
      redirect: 'error',
      signal: AbortSignal.any([
        this.closing.signal,
        AbortSignal.timeout(this.service.hurried === true ? hurriedPatience : patience),
      ]),
    });
    const text = await response.text();
    if (response.ok) {
      const value: unknown = JSON.parse(text);
      if (!isObject(value)) throw new Error('the answer is no JSON object');
      return { ok: true, value: value as T };
    }
    const refusal = { status: response.status, body: parsed(text), retryAfter: retryAfter(response) };
    return { ok: false, refusal, certain: false };
  }

  /** A success that tells nothing: whatever is between here and the service may have made it. */
  private odd(what: string): PerdureError {
    return new PerdureError('Unavailable', `Globus Compute answered ${what} with what can't be understood`, {
      where: `site ${this.service.site} (${this.service.serviceUrl})`,
    });
  }

  /** Longer than anybody's request waits: whoever asked does so again later, and nothing is sent meanwhile. */
  private paused(milliseconds: number): PerdureError {
    const seconds = String(Math.ceil(milliseconds / 1000));
    const words = `Globus Compute wants to be left alone for ${seconds} s`;
    return new PerdureError('Unavailable', words, { where: `site ${this.service.site}` });
  }

  private unreachable(cause: unknown): PerdureError {
    const { site, serviceUrl } = this.service;
    const why = cause instanceof Error ? causeOf(cause) : String(cause);
    return new PerdureError('Unavailable', `Globus Compute does not answer: ${why}`, {
      where: `site ${site} (${serviceUrl})`,
      cause,
    });
  }
}

/** An endpoint that has told of no workers yet has `null`, nothing, or a part of them there. */
function workersIn(details: unknown): EndpointStatus['details'] {
  if (!isObject(details)) return undefined;
  const { total_workers, idle_workers, pending_tasks } = details;
  if (typeof total_workers !== 'number' || typeof idle_workers !== 'number') return undefined;
  return {
    total_workers,
    idle_workers,
    ...(typeof pending_tasks === 'number' ? { pending_tasks } : {}),
  };
}

/** 403 for what is somebody else's, which is what it is after a login as another identity. */
function unknownIn({ status, body }: Refusal): Unknown['unknown'] | null {
  if (status !== 404 && status !== 403) return null;
  const text = JSON.stringify(body).toUpperCase();
  if (/TASK[_ ]?GROUP/.test(text)) return 'group';
  return text.includes('FUNCTION') && !text.includes('ENDPOINT') ? 'function' : null;
}

/** `fetch failed` says nothing; what is behind it does. */
function causeOf(error: Error): string {
  const { cause } = error;
  return cause instanceof Error && cause.message !== '' ? cause.message : error.message;
}

function parsed(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return null;
  }
}

/** Seconds, or a date. */
function retryAfter({ headers }: Response): number | null {
  const value = headers.get('retry-after');
  if (value === null) return null;
  const seconds = Number(value);
  const milliseconds = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(value) - Date.now();
  return Number.isFinite(milliseconds) ? Math.max(0, milliseconds) : null;
}
