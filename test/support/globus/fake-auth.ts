import {
  createHash,
  createSign,
  generateKeyPairSync,
  randomBytes,
  randomUUID,
  type KeyObject,
} from 'node:crypto';
import type { Answer, Asked } from './http-exchange';

export type AuthCall =
  'authorize' | 'auth_code' | 'token' | 'revoke' | 'userinfo' | 'identities' | 'openid' | 'jwk';

const computeScope = 'https://auth.globus.org/scopes/facd7ccc-c5f4-42aa-916b-a0e270e2c2a9/all';
/** The native app that the Python SDK logs in as. */
const pythonSdk = '4cf29807-cf21-49ec-9443-ff9a3fb9f81c';
const own = ['openid', 'email', 'profile'];

export interface Identity {
  readonly sub: string;
  readonly username: string;
}

export interface Client {
  readonly id: string;
  /** None: a native app, which shows PKCE instead. */
  readonly secret: string | null;
}

interface Token {
  readonly text: string;
  readonly clientId: string;
  readonly identity: Identity;
  readonly scopes: readonly string[];
  readonly resourceServer: string;
  readonly expiresAt: number;
  /** What the login was asked for beside scopes: `session_required_…`, `prompt`. */
  readonly session: Readonly<Record<string, string>>;
}

interface Code {
  readonly clientId: string;
  readonly redirectUri: string;
  readonly challenge: string | null;
  readonly scopes: readonly string[];
  readonly offline: boolean;
  readonly session: Readonly<Record<string, string>>;
  readonly nonce: string | null;
}

/**
 * Globus Auth as far as Globus Compute's clients use it: authorization codes with PKCE, refresh tokens, client credentials (HTTP
 * Basic), revocation, user information, OpenID. Further tokens sit in `other_tokens`, one a resource server. Nobody is asked for
 * a password: whoever opens the authorize page is {@link user}.
 */
export class FakeAuth {
  readonly user: Identity = { sub: randomUUID(), username: 'scientist@anl.gov' };
  /** Life of access tokens from now on; Globus gives 48 hours. */
  tokenSeconds = 172_800;
  /** Everything secret that was ever given out, to be looked for where it must not be. */
  readonly secrets: string[] = [];
  private readonly clients = new Map<string, Client & { readonly identity: Identity }>();
  private readonly codes = new Map<string, Code>();
  private readonly access = new Map<string, Token>();
  private readonly refresh = new Map<string, Token>();
  private readonly key: { readonly privateKey: KeyObject; readonly publicKey: KeyObject };

  constructor(private readonly base: () => string) {
    this.key = generateKeyPairSync('rsa', { modulusLength: 2048 });
    this.register('native', { id: pythonSdk });
  }

  /**
   * Registers an application: a native app, or with `confidential` one with a secret, which with its credentials alone is an
   * identity of its own unless another is given.
   */
  register(kind: 'native' | 'confidential', options: { id?: string; identity?: Identity } = {}): Client {
    const { id = randomUUID() } = options;
    const secret = kind === 'confidential' ? randomBytes(24).toString('base64') : null;
    const { identity = { sub: id, username: `${id}@clients.auth.globus.org` } } = options;
    const client = { id, secret, identity };
    this.clients.set(id, client);
    if (secret !== null) this.secrets.push(secret);
    return client;
  }

  /** What a person does: opens the page, agrees, and reads the code. @throws where the page says no */
  async logIn(authorizeUrl: string): Promise<string> {
    const page = await fetch(authorizeUrl);
    const code = /<code>([^<]+)<\/code>/.exec(await page.text())?.[1];
    if (code === undefined) throw new Error(`no code on ${authorizeUrl}: HTTP ${String(page.status)}`);
    return code;
  }

  /** A token without any login, for what is not about logins. */
  accessToken(identity = this.user): string {
    return this.issue('perdure-tests', identity, [computeScope], 'funcx_service', {}).text;
  }

  /** A token's owner and session; `null` where the token is unknown, old, revoked or for something else. */
  holder(token: string): Pick<Token, 'identity' | 'session'> | null {
    const found = this.access.get(token);
    if (found === undefined || found.expiresAt < Date.now()) return null;
    return found.scopes.includes(computeScope) ? found : null;
  }

  /** The owner of a token for another scope, as that service would ask. */
  holderFor(scope: string, token: string): Pick<Token, 'identity' | 'session'> | null {
    const found = this.access.get(token);
    if (found === undefined || found.expiresAt < Date.now()) return null;
    return found.scopes.includes(scope) ? found : null;
  }

  /** Makes every access token invalid, as a revocation elsewhere would; with `refresh` the refresh tokens too. */
  revokeAll({ refresh }: { readonly refresh: boolean }): void {
    this.access.clear();
    if (refresh) this.refresh.clear();
  }

  callOf({ method, url }: Asked): AuthCall | null {
    const calls: Readonly<Record<string, AuthCall>> = {
      'GET /v2/oauth2/authorize': 'authorize',
      'GET /v2/web/auth-code': 'auth_code',
      'POST /v2/oauth2/token': 'token',
      'POST /v2/oauth2/token/revoke': 'revoke',
      'GET /v2/oauth2/userinfo': 'userinfo',
      'POST /v2/oauth2/userinfo': 'userinfo',
      'GET /v2/api/identities': 'identities',
      'GET /.well-known/openid-configuration': 'openid',
      'GET /jwk.json': 'jwk',
    };
    return calls[`${method} ${url.pathname}`] ?? null;
  }

  answer(call: AuthCall, asked: Asked): Answer {
    switch (call) {
      case 'authorize':
        return this.authorize(asked.url.searchParams);
      case 'auth_code':
        return {
          status: 200,
          body: `<p>Your code: <code>${asked.url.searchParams.get('code') ?? ''}</code></p>`,
        };
      case 'token':
        return this.token(asked);
      case 'revoke':
        return this.revoke(asked);
      case 'userinfo':
        return this.userinfo(asked);
      case 'identities':
        return this.identities(asked.url.searchParams.get('ids') ?? '');
      case 'openid':
        return { status: 200, body: this.openid() };
      case 'jwk':
        return {
          status: 200,
          body: { keys: [{ ...this.key.publicKey.export({ format: 'jwk' }), alg: 'RS256', use: 'sig' }] },
        };
    }
  }

  private authorize(query: URLSearchParams): Answer {
    const no = (message: string): Answer => ({ status: 400, body: `<p>${message}</p>` });
    const client = this.clients.get(query.get('client_id') ?? '');
    const redirectUri = query.get('redirect_uri');
    if (client === undefined) return no('unknown client');
    if (redirectUri === null) return no('redirect_uri is missing');
    if (query.get('response_type') !== 'code') return no('response_type must be code');
    const scopes = (query.get('scope') ?? '').split(' ').filter((scope) => scope !== '');
    if (scopes.length === 0) return no('no scope');
    const challenge = query.get('code_challenge');
    if (client.secret === null && challenge === null) return no('a native app needs PKCE');
    if (challenge !== null && query.get('code_challenge_method') !== 'S256') return no('PKCE by S256 only');
    const session = Object.fromEntries(
      [...query].filter(([name]) => name.startsWith('session_') || name === 'prompt'),
    );
    const code = randomBytes(18).toString('base64url');
    this.secrets.push(code);
    this.codes.set(code, {
      clientId: client.id,
      redirectUri,
      challenge,
      scopes,
      offline: query.get('access_type') === 'offline',
      session,
      nonce: query.get('nonce'),
    });
    // The page that shows the code is always this service's own, whatever the configured address of the hosted one is.
    const page = new URL(redirectUri);
    const target = page.pathname === '/v2/web/auth-code' ? new URL('/v2/web/auth-code', this.base()) : page;
    target.searchParams.set('code', code);
    const state = query.get('state');
    if (state !== null) target.searchParams.set('state', state);
    return { status: 302, headers: { location: target.href } };
  }

  /** The client that this request shows itself to be. */
  private client(asked: Asked, form: URLSearchParams): (Client & { readonly identity: Identity }) | null {
    const header = asked.headers['authorization'];
    if (typeof header === 'string' && header.startsWith('Basic ')) {
      const text = Buffer.from(header.slice(6), 'base64').toString('utf8');
      const [id, secret] = text.split(':').map((part) => decodeURIComponent(part));
      const client = this.clients.get(id ?? '');
      return client !== undefined && client.secret !== null && client.secret === secret ? client : null;
    }
    // One with a secret has to show it.
    const client = this.clients.get(form.get('client_id') ?? '');
    return client?.secret === null ? client : null;
  }

  private token(asked: Asked): Answer {
    const form = new URLSearchParams(asked.body.toString('utf8'));
    const refused = (status: number, error: string): Answer => ({ status, body: { error } });
    const client = this.client(asked, form);
    if (client === null) return refused(401, 'invalid_client');
    switch (form.get('grant_type')) {
      case 'authorization_code': {
        const text = form.get('code') ?? '';
        const code = this.codes.get(text);
        // Once, whatever comes of it.
        this.codes.delete(text);
        if (code?.clientId !== client.id || code.redirectUri !== form.get('redirect_uri'))
          return refused(400, 'invalid_grant');
        const verifier = form.get('code_verifier') ?? '';
        if (
          code.challenge !== null &&
          createHash('sha256').update(verifier).digest('base64url') !== code.challenge
        )
          return refused(400, 'invalid_grant');
        return this.grant(client.id, this.user, code.scopes, code.session, code.offline, code.nonce);
      }
      case 'refresh_token': {
        const token = this.refresh.get(form.get('refresh_token') ?? '');
        if (token?.clientId !== client.id) return refused(400, 'invalid_grant');
        const fresh = this.issue(
          client.id,
          token.identity,
          token.scopes,
          token.resourceServer,
          token.session,
        );
        return { status: 200, body: { ...this.shown(fresh), refresh_token: token.text, other_tokens: [] } };
      }
      case 'client_credentials': {
        if (client.secret === null) return refused(401, 'invalid_client');
        const scopes = (form.get('scope') ?? '').split(' ').filter((scope) => scope !== '');
        if (scopes.length === 0) return refused(400, 'invalid_scope');
        return this.grant(client.id, client.identity, scopes, {}, false, null);
      }
      default:
        return refused(400, 'unsupported_grant_type');
    }
  }

  private grant(
    clientId: string,
    identity: Identity,
    scopes: readonly string[],
    session: Token['session'],
    offline: boolean,
    nonce: string | null,
  ): Answer {
    const servers = Map.groupBy(scopes, (scope) =>
      scope === computeScope ? 'funcx_service' : (serverOf(scope) ?? 'auth.globus.org'),
    );
    const tokens = [...servers].map(([server, some]) => {
      const token = this.issue(clientId, identity, some, server, session);
      return { ...this.shown(token), ...(offline ? { refresh_token: this.keep(token) } : {}) };
    });
    const [first, ...others] = tokens;
    const idToken = scopes.includes('openid') ? { id_token: this.idToken(clientId, identity, nonce) } : {};
    return { status: 200, body: { ...first, ...idToken, other_tokens: others } };
  }

  private issue(
    clientId: string,
    identity: Identity,
    scopes: readonly string[],
    resourceServer: string,
    session: Token['session'],
  ): Token {
    const text = `Ag${randomBytes(30).toString('base64url')}`;
    const expiresAt = Date.now() + this.tokenSeconds * 1000;
    const token = { text, clientId, identity, scopes, resourceServer, expiresAt, session };
    this.access.set(text, token);
    this.secrets.push(text);
    return token;
  }

  private keep(token: Token): string {
    const text = `Rg${randomBytes(30).toString('base64url')}`;
    this.refresh.set(text, { ...token, text });
    this.secrets.push(text);
    return text;
  }

  private shown(token: Token): object {
    return {
      access_token: token.text,
      scope: token.scopes.join(' '),
      expires_in: Math.max(0, Math.round((token.expiresAt - Date.now()) / 1000)),
      token_type: 'Bearer',
      resource_server: token.resourceServer,
      state: '_default',
    };
  }

  private revoke(asked: Asked): Answer {
    const form = new URLSearchParams(asked.body.toString('utf8'));
    if (this.client(asked, form) === null) return { status: 401, body: { error: 'invalid_client' } };
    const token = form.get('token') ?? '';
    const gone = this.refresh.get(token);
    this.refresh.delete(token);
    this.access.delete(token);
    // A revoked refresh token takes its access tokens with it.
    if (gone !== undefined)
      for (const [text, one] of this.access)
        if (
          one.clientId === gone.clientId &&
          one.identity === gone.identity &&
          one.resourceServer === gone.resourceServer
        )
          this.access.delete(text);
    return { status: 200, body: { active: false } };
  }

  private userinfo(asked: Asked): Answer {
    const header = asked.headers['authorization'];
    const token = typeof header === 'string' ? this.access.get(header.replace(/^Bearer /, '')) : undefined;
    if (token === undefined || token.expiresAt < Date.now())
      return {
        status: 401,
        body: { errors: [{ code: 'UNAUTHORIZED', detail: 'Call must be authenticated', status: '401' }] },
      };
    const { sub, username } = token.identity;
    return {
      status: 200,
      body: {
        sub,
        preferred_username: username,
        name: username,
        email: username,
        identity_set: [{ sub, username, identity_provider: sub }],
      },
    };
  }

  private identities(ids: string): Answer {
    const known = [this.user, ...[...this.clients.values()].map(({ identity }) => identity)];
    const wanted = ids.split(',');
    const found = known.filter(({ sub }) => wanted.includes(sub));
    return {
      status: 200,
      body: {
        identities: found.map(({ sub: id, username }) => ({
          id,
          username,
          name: username,
          email: username,
          status: 'used',
        })),
      },
    };
  }

  private openid(): object {
    const base = this.base();
    return {
      issuer: base,
      authorization_endpoint: `${base}/v2/oauth2/authorize`,
      token_endpoint: `${base}/v2/oauth2/token`,
      userinfo_endpoint: `${base}/v2/oauth2/userinfo`,
      revocation_endpoint: `${base}/v2/oauth2/token/revoke`,
      jwks_uri: `${base}/jwk.json`,
      response_types_supported: ['code'],
      id_token_signing_alg_values_supported: ['RS256'],
      scopes_supported: own,
      subject_types_supported: ['public'],
    };
  }

  private idToken(clientId: string, { sub, username }: Identity, nonce: string | null): string {
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const now = Math.floor(Date.now() / 1000);
    const claims = {
      iss: this.base(),
      sub,
      aud: clientId,
      iat: now,
      exp: now + this.tokenSeconds,
      preferred_username: username,
      ...(nonce === null ? {} : { nonce }),
    };
    const text = `${part({ alg: 'RS256', typ: 'JWT' })}.${part(claims)}`;
    const signed = `${text}.${createSign('RSA-SHA256').update(text).sign(this.key.privateKey, 'base64url')}`;
    this.secrets.push(signed);
    return signed;
  }
}

/** Scopes of a service are named for its id, which is what it is called in answers too. */
function serverOf(scope: string): string | undefined {
  return /\/scopes\/([0-9a-f-]{36})\//.exec(scope)?.[1];
}
