import { createHash } from 'node:crypto';
import { isObject, type Json, type JsonObject } from '../../../study/json';

/** The one scope that all of Globus Compute is behind, and the name by which its tokens are told from those of other services. */
export const computeScope = 'https://auth.globus.org/scopes/facd7ccc-c5f4-42aa-916b-a0e270e2c2a9/all';
export const computeServer = 'funcx_service';

/** What one login gave for Globus Compute. */
export interface TokenSet {
  readonly accessToken: string;
  /** `null`: the login ends with the access token. */
  readonly refreshToken: string | null;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

/** A request may be under way for so long, and clocks differ (milliseconds). */
const margin = 60_000;

/** It will do for the next request. */
export function isFresh({ expiresAt }: TokenSet, now = Date.now()): boolean {
  return now < expiresAt - margin;
}

/** Stands for a token where the token itself must not be. */
export function digestOf({ accessToken }: Pick<TokenSet, 'accessToken'>): string {
  return createHash('sha256').update(accessToken).digest('hex');
}

/**
 * The tokens for Globus Compute in an answer of Globus Auth: it gives one at the top, and those of further services in
 * `other_tokens`. `undefined` where there are none.
 * @param before what they follow: an answer without a refresh token leaves the old one valid
 */
export function tokenSetOf(
  answer: JsonObject,
  before: TokenSet | null,
  now = Date.now(),
): TokenSet | undefined {
  return tokensWhere(answer, (one) => one['resource_server'] === computeServer, before, now);
}

/** The tokens for one scope of another service in such an answer; `undefined` where there are none. */
export function scopedTokensOf(
  answer: JsonObject,
  scope: string,
  before: TokenSet | null,
  now = Date.now(),
): TokenSet | undefined {
  const isFor = ({ scope: all }: JsonObject): boolean =>
    typeof all === 'string' && all.split(' ').includes(scope);
  return tokensWhere(answer, isFor, before, now);
}

function tokensWhere(
  answer: JsonObject,
  wanted: (one: JsonObject) => boolean,
  before: TokenSet | null,
  now: number,
): TokenSet | undefined {
  const others = Array.isArray(answer['other_tokens']) ? (answer['other_tokens'] as readonly Json[]) : [];
  const found = [answer, ...others].find((one): one is JsonObject => isObject(one) && wanted(one));
  const { access_token: accessToken, refresh_token: refreshToken, expires_in: seconds } = found ?? {};
  if (typeof accessToken !== 'string' || typeof seconds !== 'number') return undefined;
  return {
    accessToken,
    refreshToken: typeof refreshToken === 'string' ? refreshToken : (before?.refreshToken ?? null),
    expiresAt: now + seconds * 1000,
  };
}
