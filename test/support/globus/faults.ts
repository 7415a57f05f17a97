import type { AuthCall } from './fake-auth';
import type { ComputeCall } from './compute-api';
import { Refusal } from './compute-api';

export type Call = ComputeCall | AuthCall;

/** What can be wrong with one request. */
export const requestFaults = [
  '401',
  '403',
  '403 consent',
  '403 session',
  '404',
  '413',
  '422 endpoint',
  '429',
  '500',
  '502',
  '503',
  '504',
  'slow',
  'garbage',
  'odd',
  'unreached',
  'dropped',
] as const;
/**
 * `unreached`: the connection breaks before the service has done anything; `dropped`: after it has done everything, so that only the
 * answer is missing; `slow`: the answer takes {@link Faults.slowMs}; `garbage`: 200 with half of a JSON
 * text; `odd`: 200 with an object that says nothing.
 */
export type RequestFault = (typeof requestFaults)[number];

/** What can happen to the result of a task on its way from endpoint to client. */
export const resultFaults = ['lost', 'thrown away', 'duplicated', 'not queued'] as const;
/**
 * `lost`: it never arrives at the service, so the task stays pending; `thrown away`: the service has had it and knows the task no
 * more; `duplicated`: the queue brings it twice; `not queued`: only `batch_status` tells it.
 */
export type ResultFault = (typeof resultFaults)[number];

interface Planned<T> {
  readonly fault: T;
  left: number;
}

/** Faults by a switch. Each strikes the next `times` requests of its call (or results), then all is well again. */
export class Faults {
  slowMs = 3000;
  /** Seconds that a 429 asks to wait. */
  retryAfter = 1;
  private readonly planned = new Map<Call, Planned<RequestFault>[]>();
  private results: Planned<ResultFault>[] = [];

  next(call: Call, fault: RequestFault, times = 1): void {
    this.planned.set(call, [...(this.planned.get(call) ?? []), { fault, left: times }]);
  }

  nextResult(fault: ResultFault, times = 1): void {
    this.results.push({ fault, left: times });
  }

  clear(): void {
    this.planned.clear();
    this.results = [];
  }

  /** Faults that no request has met yet. */
  get pending(): readonly string[] {
    const requests = [...this.planned].flatMap(([call, plans]) =>
      plans.map(({ fault }) => `${call}: ${fault}`),
    );
    return [...requests, ...this.results.map(({ fault }) => `result: ${fault}`)];
  }

  take(call: Call): RequestFault | null {
    const plans = this.planned.get(call) ?? [];
    const fault = spend(plans);
    if (plans.length === 0) this.planned.delete(call);
    return fault;
  }

  takeResult(): ResultFault | null {
    return spend(this.results);
  }

  /** The answer that this fault is; `null` for those that are about time and connection. */
  refusal(fault: RequestFault): Refusal | null {
    switch (fault) {
      case '401':
        return Refusal.because(
          401,
          'USER_UNAUTHENTICATED',
          'Could not find user. You must be logged in to perform this function.',
        );
      case '403':
        return Refusal.because(403, 'ENDPOINT_ACCESS_FORBIDDEN', 'Unauthorized access to endpoint');
      case '403 consent':
        return Refusal.because(403, 'ConsentRequired', 'Missing required consent', {
          authorization_parameters: {
            session_message: 'Missing required consent',
            required_scopes: ['https://auth.globus.org/scopes/facd7ccc-c5f4-42aa-916b-a0e270e2c2a9/all'],
          },
        });
      case '403 session':
        return Refusal.because(
          403,
          'AUTHENTICATION_POLICY_FORBIDDEN',
          'Your session does not satisfy the policy of this endpoint',
          {
            authorization_parameters: {
              session_message: 'Log in with an identity of anl.gov',
              session_required_single_domain: ['anl.gov'],
            },
          },
        );
      case '404':
        return Refusal.because(404, 'ENDPOINT_NOT_FOUND', 'Endpoint could not be found');
      case '413':
        return Refusal.because(413, 'PAYLOAD_TOO_LARGE', 'Payload is larger than 10 MB');
      case '422 endpoint':
        return Refusal.because(
          422,
          'SEMANTICALLY_INVALID',
          'Request payload failed validation: Unable to start user endpoint process for scientist [exit code: 77; (ValidationError) ...]',
        );
      case '429':
        return new Refusal(429, Refusal.because(429, 'TOO_MANY_REQUESTS', 'Rate limit exceeded').body, {
          'retry-after': String(this.retryAfter),
        });
      case '500':
        return Refusal.because(500, 'INTERNAL_ERROR', 'Internal server error');
      case '502':
      case '503':
      case '504':
        // From the load balancer before the service.
        return new Refusal(Number(fault), `<html><body><h1>${fault}</h1></body></html>`);
      case 'slow':
      case 'garbage':
      case 'odd':
      case 'unreached':
      case 'dropped':
        return null;
    }
  }
}

function spend<T>(plans: Planned<T>[]): T | null {
  const [plan] = plans;
  if (plan === undefined) return null;
  plan.left--;
  if (plan.left <= 0) plans.shift();
  return plan.fault;
}
