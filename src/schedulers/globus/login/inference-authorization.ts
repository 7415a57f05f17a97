import { PerdureError } from '../../../study/error';
import type { AuthServer } from './auth-server';
import type { LoginFile } from './login-file';
import { isFresh } from './token-set';

/** A service of models that takes tokens of a Globus login. */
export interface InferenceService {
  readonly scope: string;
  /** The session policy that a login has to satisfy; `null`: none. */
  readonly sessionPolicy: string | null;
}

/**
 * Hands out a person's access tokens for a service of models: of the same login and file as those for Globus Compute, and renewed
 * like them, by one process at a time.
 */
export class InferenceAuthorization {
  constructor(
    private readonly site: string,
    private readonly file: LoginFile,
    private readonly server: AuthServer,
    private readonly service: InferenceService,
  ) {}

  /** @throws {@link PerdureError} `LoginRequired` where a person has to log in first, `Unavailable` */
  async accessToken(): Promise<string> {
    const kept = this.file.read().inference ?? null;
    if (kept !== null && isFresh(kept)) return kept.accessToken;
    if (kept === null) throw this.loginRequired('nobody has logged in to Globus for models on this machine');
    return this.file.locked(() => this.renewed());
  }

  private async renewed(): Promise<string> {
    const login = this.file.read();
    const kept = login.inference ?? null;
    // Another process may have been first.
    if (kept !== null && isFresh(kept)) return kept.accessToken;
    const refreshToken = kept?.refreshToken ?? null;
    if (kept === null || refreshToken === null)
      throw this.loginRequired('the login to Globus for models has ended');
    try {
      const inference = await this.server.refreshScope(this.service.scope, { ...kept, refreshToken });
      this.file.write({ ...login, inference });
      return inference.accessToken;
    } catch (error) {
      if (error instanceof PerdureError && error.kind === 'LoginRequired')
        throw this.loginRequired(error.message);
      throw error;
    }
  }

  private loginRequired(what: string): PerdureError {
    return new PerdureError('LoginRequired', what, { where: this.site, hint: `perdure login ${this.site}` });
  }
}
