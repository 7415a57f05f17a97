import type { JsonObject } from '../../study/json';

/**
 * Gives the access tokens by which Globus Compute is asked. Renewing them is its own affair; whoever asks keeps none, so that a
 * token is never older than one request.
 */
export interface GlobusAuthorization {
  /**
   * A token that is good for at least the next request.
   * @throws {@link PerdureError} `LoginRequired` where a person has to log in first (nothing is sent then, and asking costs
   * nothing), `Unavailable` where Globus' own authorization does not answer
   */
  accessToken(): Promise<string>;
  /**
   * The service did not take this token: it is not handed out again. Called for each answer that says so, and so, for one token,
   * several times.
   * @returns resolves when whoever logs in, in any process of this machine, finds what the service wants
   */
  refused(token: string, challenge: GlobusChallenge): Promise<void>;
}

/** What the service wants instead. */
export interface GlobusChallenge {
  /** In the service's own words; no part of a token is in it. */
  readonly message: string;
  /** Its `authorization_parameters` (a session, a policy, a consent that is missing), where there are any: a new login has to bring them. */
  readonly parameters: JsonObject | null;
}
