import { existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { PerdureError } from '../../../study/error';
import { isObject } from '../../../study/json';
import { computeScope, computeServer, type TokenSet } from './token-set';

/** Another process may be writing for a moment (milliseconds). */
const patience = 2000;

/** Tokens of the SDK's, with the row that they were read from. */
export interface SdkTokens {
  readonly tokens: TokenSet;
  readonly row: string;
}

/**
 * The login of Globus' own Python SDK (`globus-compute-endpoint login`): rows of `storage.db` in its directory. It is read and,
 * when its access token was renewed, written as the SDK itself would, so that both go on with it.
 */
export class PythonSdkLogin {
  /** @param namespace `user/ENVIRONMENT` */
  constructor(
    readonly file: string,
    private readonly namespace: string,
  ) {}

  /**
   * @returns `null` where nobody has logged in
   * @throws {@link PerdureError} `Unavailable` where the file is locked, `LoginRequired` where it can't be read
   */
  read(): SdkTokens | null {
    if (!existsSync(this.file)) return null;
    return this.opened({ readOnly: true }, (db) => {
      const row = db
        .prepare(
          'SELECT token_data_json AS row FROM token_storage WHERE namespace = ? AND resource_server = ?',
        )
        .get(this.namespace, computeServer)?.['row'];
      if (typeof row !== 'string') return null;
      const tokens = tokensOf(row);
      return tokens === undefined ? null : { row, tokens };
    });
  }

  /**
   * Puts renewed tokens in the place of those that were read.
   * @returns `false` where something else stands there by now
   */
  replace({ row }: SdkTokens, tokens: TokenSet): boolean {
    const data: unknown = JSON.parse(row);
    const next = JSON.stringify({
      ...(data as object),
      access_token: tokens.accessToken,
      refresh_token: tokens.refreshToken,
      expires_at_seconds: Math.floor(tokens.expiresAt / 1000),
    });
    return this.opened({ readOnly: false }, (db) => {
      const change = db.prepare(
        'UPDATE token_storage SET token_data_json = ? WHERE namespace = ? AND resource_server = ? AND token_data_json = ?',
      );
      return change.run(next, this.namespace, computeServer, row).changes === 1;
    });
  }

  private opened<T>({ readOnly }: { readonly readOnly: boolean }, work: (db: DatabaseSync) => T): T {
    let db: DatabaseSync | undefined;
    try {
      db = new DatabaseSync(this.file, { readOnly });
      db.exec(`PRAGMA busy_timeout = ${String(patience)}`);
      return work(db);
    } catch (error) {
      const { errcode, errstr = 'unknown error' } = error as {
        readonly errcode?: number;
        readonly errstr?: string;
      };
      if (errcode === undefined) throw error;
      // SQLITE_BUSY, SQLITE_LOCKED
      if ([5, 6].includes(errcode & 0xff))
        throw new PerdureError('Unavailable', "another program holds Globus' token storage", {
          where: this.file,
        });
      throw new PerdureError('LoginRequired', `Globus' token storage can not be used: ${errstr}`, {
        where: this.file,
        hint: 'log in anew: globus-compute-endpoint login --force',
      });
    } finally {
      db?.close();
    }
  }
}

/** `undefined` where the row is not a login to Globus Compute. */
function tokensOf(row: string): TokenSet | undefined {
  let data: unknown;
  try {
    data = JSON.parse(row);
  } catch {
    return undefined;
  }
  if (!isObject(data)) return undefined;
  const { access_token: accessToken, refresh_token: refreshToken, expires_at_seconds: seconds, scope } = data;
  if (typeof accessToken !== 'string' || typeof seconds !== 'number') return undefined;
  if (typeof scope !== 'string' || !scope.split(' ').includes(computeScope)) return undefined;
  return {
    accessToken,
    refreshToken: typeof refreshToken === 'string' ? refreshToken : null,
    expiresAt: seconds * 1000,
  };
}
