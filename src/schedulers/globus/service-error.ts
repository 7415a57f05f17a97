import { PerdureError } from '../../study/error';
import { objectOf, type Json } from '../../study/json';
import { plainLine } from '../../study/plain-text';
import type { GlobusChallenge } from './authorization';

/** An answer of the service that is no success. */
export interface Refusal {
  readonly status: number;
  /** The body as JSON; `null` where it is none. */
  readonly body: Json;
  /** Milliseconds by `Retry-After`. */
  readonly retryAfter: number | null;
}

/** Kinds that the same request may not meet a moment later. */
const passing: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504]);

export function isPassing({ status }: Refusal): boolean {
  return passing.has(status);
}

/** What a login has to bring, where the answer is about one; else `null`. */
export function challengeOf({ status, body }: Refusal): GlobusChallenge | null {
  const parameters = objectOf(objectOf(body)?.['authorization_parameters']);
  if (status !== 401 && parameters === null) return null;
  const message = messageOf(body) ?? 'Globus does not take the login';
  return { message, parameters };
}

/** The service's own code for what is wrong: `ENDPOINT_NOT_FOUND`. */
export function codeOf({ body }: Refusal): string {
  const code = objectOf(body)?.['code'];
  return typeof code === 'string' ? code : '';
}

/**
 * An answer in words, with what to do.
 * @param what was asked for: 'the submission'
 */
export function serviceError(refusal: Refusal, what: string, site: string): PerdureError {
  const { status, body } = refusal;
  const said = messageOf(body) ?? `HTTP status ${String(status)}`;
  const where = `site ${site}`;
  if (challengeOf(refusal) !== null) {
    return new PerdureError('LoginRequired', `Globus wants a new login: ${said}`, {
      where,
      hint: `perdure login ${site}`,
    });
  }
  if (isPassing(refusal)) {
    const slow = status === 429 ? 'too many requests' : said;
    return new PerdureError('Unavailable', `Globus Compute could not answer ${what} now: ${slow}`, { where });
  }
  return new PerdureError('SubmitRejected', `Globus Compute refused ${what}: ${said}`, {
    where,
    hint: hintFor(refusal),
  });
}

function hintFor(refusal: Refusal): string {
  const code = codeOf(refusal);
  if (code.includes('ENDPOINT') || refusal.status === 404) {
    return 'is endpoint_id right, and the endpoint registered? globus-compute-endpoint list';
  }
  switch (refusal.status) {
    case 403:
      return 'may this identity use the endpoint? its owner can share it, or the settings name another';
    case 413:
      return 'one trial may bring 10 MB at once: let it fetch what is larger by itself, or give the site a transport';
    case 422:
      return "the endpoint could not be started with user_endpoint_config: compare it with the endpoint's user_config_schema.json, and look at its log";
    default:
      return 'see docs/globus-compute.md';
  }
}

/** Of what the service says. */
const longest = 500;

function messageOf(body: Json): string | null {
  const told = objectOf(body);
  const detail = told?.['detail'] ?? told?.['reason'] ?? null;
  if (typeof detail === 'string' && detail !== '') return plainLine(detail, longest);
  if (!Array.isArray(detail)) return null;
  // As FastAPI tells of each place.
  const places = (detail as readonly Json[]).flatMap((entry) => {
    const { loc = null, msg = null } = objectOf(entry) ?? {};
    if (typeof msg !== 'string') return [];
    const place = Array.isArray(loc) ? loc.filter((part) => part !== 'body').join('.') : '';
    return [place === '' ? msg : `${place}: ${msg}`];
  });
  return places.length === 0 ? null : plainLine(places.join('; '), longest);
}
