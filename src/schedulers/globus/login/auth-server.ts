import * as oauth from 'openid-client';
import type { JsonObject } from '../../../study/json';
import { PerdureError } from '../../../study/error';
import { computeScope, scopedTokensOf, tokenSetOf, type TokenSet } from './token-set';

/** Globus' own time limit is a minute; a person may be waiting (seconds). */
const timeout = 30;

/** Where a person's browser ends up: a page that shows the code. */
const codePage = '/v2/web/auth-code';

/** One attempt of a person to log in: the page to open, and what proves afterwards that it was this program that asked. */
export interface LoginAttempt {
  readonly page: string;
  readonly state: string;
  readonly verifier: string;
}

/** What one login gave. */
export interface LoginTokens {
  readonly compute: TokenSet;
  /** For models; `null`: they were not asked for. */
  readonly inference: TokenSet | null;
}

/**
 * Globus Auth as one application sees it. Its errors are `LoginRequired` where Globus says no, and `Unavailable` where it does not
 * answer; they hold nothing that was sent or received but Globus' own words for what is wrong.
 */
export class AuthServer {
  private readonly configuration: oauth.Configuration;

  /** @param secret `null`: a native application, which has none */
  constructor(
    private readonly authUrl: string,
    private readonly clientId: string,
    secret: string | null,
  ) {
    const server: oauth.ServerMetadata = {
      issuer: authUrl,
      authorization_endpoint: `${authUrl}/v2/oauth2/authorize`,
      token_endpoint: `${authUrl}/v2/oauth2/token`,
      revocation_endpoint: `${authUrl}/v2/oauth2/token/revoke`,
    };
    const proof = secret === null ? oauth.None() : basic(clientId, secret);
    this.configuration = new oauth.Configuration(server, clientId, undefined, proof);
    this.configuration.timeout = timeout;
    // The settings let that be for servers on this machine alone.
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- marked so that it is noticed
    if (authUrl.startsWith('http:')) oauth.allowInsecureRequests(this.configuration);
  }

  /** @param more what else belongs in the page's address */
  async begin(scopes: readonly string[], more: Readonly<Record<string, string>>): Promise<LoginAttempt> {
    const verifier = oauth.randomPKCECodeVerifier();
    const state = oauth.randomState();
    const page = oauth.buildAuthorizationUrl(this.configuration, {
      ...more,
      redirect_uri: this.authUrl + codePage,
      scope: [...new Set([computeScope, ...scopes])].join(' '),
      state,
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      access_type: 'offline',
    });
    return { page: page.href, state, verifier };
  }

  /**
   * @param code as the person read it from the page
   * @param inference the scope of models, where the login asked for it
   */
  async finish(
    { state, verifier }: LoginAttempt,
    code: string,
    inference: string | null,
  ): Promise<LoginTokens> {
    const answered = new URL(this.authUrl + codePage);
    answered.searchParams.set('code', code);
    answered.searchParams.set('state', state);
    const answer = await this.asked(() =>
      oauth.authorizationCodeGrant(this.configuration, answered, {
        expectedState: state,
        pkceCodeVerifier: verifier,
      }),
    );
    return {
      compute: this.computeTokens(answer, null),
      inference: inference === null ? null : this.scopedTokens(answer, inference, null),
    };
  }

  /** Renews the tokens of one scope that is not Globus Compute's. */
  async refreshScope(scope: string, tokens: TokenSet & { readonly refreshToken: string }): Promise<TokenSet> {
    const answer = await this.asked(() => oauth.refreshTokenGrant(this.configuration, tokens.refreshToken));
    return this.scopedTokens(answer, scope, tokens);
  }

  async refresh(tokens: TokenSet & { readonly refreshToken: string }): Promise<TokenSet> {
    return this.tokens(tokens, () => oauth.refreshTokenGrant(this.configuration, tokens.refreshToken));
  }

  async clientCredentials(): Promise<TokenSet> {
    return this.tokens(null, () => oauth.clientCredentialsGrant(this.configuration, { scope: computeScope }));
  }

  async revoke(token: string): Promise<void> {
    await this.asked(() => oauth.tokenRevocation(this.configuration, token));
  }

  private async tokens(
    before: TokenSet | null,
    grant: () => Promise<oauth.TokenEndpointResponse>,
  ): Promise<TokenSet> {
    return this.computeTokens(await this.asked(grant), before);
  }

  private computeTokens(answer: oauth.TokenEndpointResponse, before: TokenSet | null): TokenSet {
    // It came as JSON, and what is not known stays as it was.
    const found = tokenSetOf(answer as unknown as JsonObject, before);
    if (found !== undefined) return found;
    throw new PerdureError('LoginRequired', 'the login gave no token for Globus Compute', {
      where: this.authUrl,
    });
  }

  private scopedTokens(
    answer: oauth.TokenEndpointResponse,
    scope: string,
    before: TokenSet | null,
  ): TokenSet {
    // It came as JSON.
    const found = scopedTokensOf(answer as unknown as JsonObject, scope, before);
    if (found !== undefined) return found;
    throw new PerdureError('LoginRequired', `the login gave no token for ${scope}`, { where: this.authUrl });
  }

  private async asked<T>(ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      throw this.failure(error);
    }
  }

  /** The library's errors hold requests and answers, so nothing of them goes on but what Globus calls the trouble. */
  private failure(error: unknown): PerdureError {
    const { status, words } = answerOf(error);
    const where = this.authUrl;
    if (status === undefined)
      return new PerdureError('Unavailable', `Globus Auth does not answer: ${words}`, { where });
    if (status === 429 || status >= 500)
      return new PerdureError('Unavailable', `Globus Auth can't answer now (HTTP ${String(status)})`, {
        where,
      });
    if (words === 'invalid_client' || words === 'unauthorized_client') {
      const hint = "look at the site's client_id and auth_method, and at the secret where it has one";
      return new PerdureError(
        'LoginRequired',
        `Globus Auth does not accept the application ${this.clientId} (${words})`,
        {
          where,
          hint,
        },
      );
    }
    return new PerdureError('LoginRequired', `Globus Auth said no: ${words}`, { where });
  }
}

/**
 * As Globus' own SDK shows a secret: in plain Base64. RFC 6749 has both parts form-encoded before that, and secrets of Globus are
 * Base64 themselves, with characters that would change.
 */
function basic(clientId: string, secret: string): oauth.ClientAuth {
  return (_server, _client, _body, headers) => {
    headers.set('authorization', `Basic ${Buffer.from(`${clientId}:${secret}`).toString('base64')}`);
  };
}

/** @returns no status where no answer came */
function answerOf(error: unknown): { readonly status?: number; readonly words: string } {
  if (error instanceof oauth.ResponseBodyError) return { status: error.status, words: known(error.error) };
  if (error instanceof oauth.WWWAuthenticateChallengeError)
    return { status: error.status, words: 'invalid_client' };
  if (error instanceof oauth.ClientError && error.cause instanceof Response) {
    const { status } = error.cause;
    return { status: status < 400 ? 502 : status, words: `HTTP ${String(status)}` };
  }
  if (error instanceof oauth.ClientError) {
    if (error.code === 'OAUTH_TIMEOUT') return { words: `no word for ${String(timeout)} s` };
    return { status: 502, words: error.code ?? 'its answer can not be read' };
  }
  const { code } = (error instanceof Error ? (error.cause ?? error) : {}) as { readonly code?: unknown };
  return { words: typeof code === 'string' ? code : 'the network failed' };
}

/** Globus' code for what is wrong; whatever else stands there is not repeated. */
function known(code: string): string {
  return /^[a-z_]{1,40}$/.test(code) ? code : 'an error without a name';
}
