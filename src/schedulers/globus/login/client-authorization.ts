import { PerdureError } from '../../../study/error';
import type { GlobusAuthorization, GlobusChallenge } from '../authorization';
import type { AuthServer } from './auth-server';
import { wordsOf } from './challenge';
import { Refusals } from './refusals';
import { digestOf, isFresh, type TokenSet } from './token-set';

/** How long an application that was refused is left alone (milliseconds). */
const rest = 60_000;

const readOnce = 'a worker reads the secret when it starts';

export interface ClientLogin {
  readonly site: string;
  /** The environment variable with the secret, for messages. */
  readonly secretEnv: string;
  /** `null`: that variable is not set. */
  readonly server: AuthServer | null;
}

/**
 * Hands out the access tokens of an application that logs in by its secret, which needs nobody. They are kept in this process
 * alone: another one asks for its own.
 */
export class ClientAuthorization implements GlobusAuthorization {
  private held: TokenSet | null = null;
  private asking: Promise<string> | null = null;
  private failed: { readonly until: number; readonly error: PerdureError } | null = null;
  private readonly refusals = new Refusals();

  constructor(private readonly login: ClientLogin) {}

  async accessToken(): Promise<string> {
    if (this.held !== null && isFresh(this.held) && this.refusals.of(digestOf(this.held)) === undefined)
      return this.held.accessToken;
    // Many trials ask every few seconds.
    if (this.failed !== null && performance.now() < this.failed.until) throw this.failed.error;
    this.asking ??= this.ask().finally(() => {
      this.asking = null;
    });
    return this.asking;
  }

  refused(token: string, challenge: GlobusChallenge): Promise<void> {
    const digest = digestOf({ accessToken: token });
    this.refusals.add(digest, challenge);
    if (this.refusals.of(digest)?.final === true) {
      this.fail(
        this.loginRequired(
          `Globus Compute does not take the application's login: ${wordsOf(challenge)}`,
          'let the application do this at Globus; it is tried again each minute',
        ),
      );
    }
    return Promise.resolve();
  }

  private async ask(): Promise<string> {
    const { server, secretEnv } = this.login;
    if (server === null) {
      throw this.loginRequired(
        `the secret of the application is not in the environment variable ${secretEnv} of the worker`,
        `export ${secretEnv}=…, then perdure down; perdure up: ${readOnce}`,
      );
    }
    const wasRefused = this.held !== null && this.refusals.of(digestOf(this.held)) !== undefined;
    try {
      this.held = await server.clientCredentials();
      if (wasRefused) this.refusals.renewedAs(digestOf(this.held));
      return this.held.accessToken;
    } catch (error) {
      if (!(error instanceof PerdureError) || error.kind !== 'LoginRequired') throw error;
      throw this.fail(
        this.loginRequired(error.message, `${error.hint ?? `look at ${secretEnv}`}; ${readOnce}`),
      );
    }
  }

  private fail(error: PerdureError): PerdureError {
    this.failed = { until: performance.now() + rest, error };
    this.held = null;
    return error;
  }

  private loginRequired(what: string, hint?: string): PerdureError {
    return new PerdureError('LoginRequired', what, { where: this.login.site, hint });
  }
}
