import { PerdureError } from '../../../study/error';
import type { GlobusAuthorization, GlobusChallenge } from '../authorization';
import type { AuthServer } from './auth-server';
import { wordsOf } from './challenge';
import type { InferenceAuthorization, InferenceService } from './inference-authorization';
import type { LoginFile } from './login-file';
import type { PythonSdkLogin, SdkTokens } from './python-sdk-login';
import { Refusals } from './refusals';
import { digestOf, isFresh, type TokenSet } from './token-set';

/** What a login is asked for beside Globus Compute. */
export interface InferenceLogin {
  readonly service: InferenceService;
  readonly authorization: InferenceAuthorization;
}

/** A person's login on this machine, with what can renew it. */
export interface UserLogin {
  readonly site: string;
  readonly file: LoginFile;
  /** `null`: no application of one's own is configured. */
  readonly server: AuthServer | null;
  /** The login of Globus' Python SDK; `null` where that speaks to another Globus than the site. */
  readonly sdk: { readonly login: PythonSdkLogin; readonly server: AuthServer } | null;
  /** Absent: the login is for Globus Compute alone. */
  readonly inference?: InferenceLogin;
}

/** Tokens and where they came from; `null`: this project's own file. */
interface Found {
  readonly tokens: TokenSet;
  readonly sdk: SdkTokens | null;
}

/**
 * Hands out the access tokens of a person who has logged in, with `perdure login` or with Globus' own Python SDK, and renews them
 * a minute before they end: one process at a time, and the others take what it got. Whatever a login changes is seen at the next
 * call, without a word between the processes.
 *
 * Where that ends: if the process dies after Globus gave a new refresh token (Globus keeps the old ones valid today) and before it
 * was written, the login may have to be repeated.
 */
export class UserAuthorization implements GlobusAuthorization {
  private held: TokenSet | null = null;
  private renewing: Promise<string> | null = null;
  private readonly refusals = new Refusals();

  constructor(private readonly login: UserLogin) {}

  async accessToken(): Promise<string> {
    if (this.held !== null && this.isGood(this.held)) return this.held.accessToken;
    this.renewing ??= this.current().finally(() => {
      this.renewing = null;
    });
    return this.renewing;
  }

  async refused(token: string, challenge: GlobusChallenge): Promise<void> {
    const digest = digestOf({ accessToken: token });
    this.refusals.add(digest, challenge);
    if (this.refusals.of(digest)?.final !== true) return;
    const { file } = this.login;
    try {
      if (file.read().refusal?.token === digest) return;
      await file.locked(() => {
        this.note(this.find());
        return Promise.resolve();
      });
    } catch (error) {
      // Nobody is logged in any more, or the file is in use for long: the next request for a token tells, and does this again.
      if (!(error instanceof PerdureError)) throw error;
    }
  }

  private isGood(tokens: TokenSet): boolean {
    return isFresh(tokens) && this.refusals.of(digestOf(tokens)) === undefined;
  }

  /** What is kept, if it will do; else renewed. */
  private async current(): Promise<string> {
    const found = this.find();
    this.mayUse(found);
    if (this.isGood(found.tokens)) return this.hold(found.tokens);
    return this.login.file.locked(async () => {
      const now = this.find();
      this.note(now);
      this.mayUse(now);
      return this.isGood(now.tokens) ? this.hold(now.tokens) : this.renew(now);
    });
  }

  private find(): Found {
    const { file, sdk } = this.login;
    const { tokens } = file.read();
    if (tokens !== null) return { tokens, sdk: null };
    const theirs = sdk?.login.read() ?? null;
    if (theirs !== null) return { tokens: theirs.tokens, sdk: theirs };
    throw this.loginRequired('nobody has logged in to Globus on this machine');
  }

  /** A login that the service wants another one for is no longer asked for tokens; a new one has others. */
  private mayUse({ tokens }: Found): void {
    const { refusal } = this.login.file.read();
    if (refusal?.token !== digestOf(tokens)) return;
    throw this.loginRequired(`Globus Compute wants a new login: ${wordsOf(refusal.challenge)}`);
  }

  /** Whoever logs in has to know what for, and after a restart too. */
  private note({ tokens }: Found): void {
    const { file } = this.login;
    const token = digestOf(tokens);
    const seen = this.refusals.of(token);
    if (seen?.final !== true) return;
    const { message, parameters } = seen;
    file.write({ tokens: file.read().tokens, refusal: { token, challenge: { message, parameters } } });
  }

  private async renew({ tokens, sdk }: Found): Promise<string> {
    const { file, server, sdk: python } = this.login;
    const { refreshToken } = tokens;
    const issuer = sdk === null ? server : (python?.server ?? null);
    if (refreshToken === null || issuer === null) throw this.loginRequired('the login to Globus has ended');
    const wasRefused = this.refusals.of(digestOf(tokens)) !== undefined;
    let renewed: TokenSet;
    try {
      renewed = await issuer.refresh({ ...tokens, refreshToken });
    } catch (error) {
      if (!(error instanceof PerdureError)) throw error;
      if (error.kind === 'LoginRequired') throw this.loginRequired(error.message, error.hint);
      // There is a minute left, and the next request tries again.
      if (!wasRefused && Date.now() < tokens.expiresAt) return tokens.accessToken;
      throw error;
    }
    // It is good for this process whatever becomes of the file.
    if (wasRefused) this.refusals.renewedAs(digestOf(renewed));
    const token = this.hold(renewed);
    if (sdk === null) file.write({ tokens: renewed, refusal: null });
    else if (python?.login.replace(sdk, renewed) !== true) {
      // The SDK has renewed it at the same time; theirs is as good.
      const theirs = python?.login.read()?.tokens;
      if (theirs !== undefined && this.isGood(theirs)) return this.hold(theirs);
    }
    return token;
  }

  private hold(tokens: TokenSet): string {
    this.held = tokens;
    return tokens.accessToken;
  }

  private loginRequired(what: string, more?: string): PerdureError {
    const { site, server } = this.login;
    const way =
      server === null ? `${withSdk}, or ${withOwn}: perdure login ${site}` : `perdure login ${site}`;
    return new PerdureError('LoginRequired', what, {
      where: site,
      hint: more === undefined ? way : `${more}\n  ${way}`,
    });
  }
}

const withSdk = "log in with Globus' own program on this machine: globus-compute-endpoint login --force";
const withOwn = 'give the site the client_id of an application of yours';
