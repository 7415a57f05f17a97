import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { lock } from 'proper-lockfile';
import { z } from 'zod';
import { withCleanUp } from '../../../study/clean-up';
import { errorCode, messageOf, PerdureError } from '../../../study/error';
import type { GlobusChallenge } from '../authorization';
import type { TokenSet } from './token-set';

/** The service did not take a token, and a new login has to come first. */
export interface Refusal {
  /** SHA-256 of that access token. */
  readonly token: string;
  readonly challenge: GlobusChallenge;
}

/** What is known of one application's login on this machine. */
export interface Login {
  readonly tokens: TokenSet | null;
  readonly refusal: Refusal | null;
  /** For a service of models that the same login is good for. Absent: there are none; to be written: they stay as they are. */
  readonly inference?: TokenSet | null;
}

const tokenSchema = z.object({
  access_token: z.string(),
  refresh_token: z.string().nullable(),
  expires_at_seconds: z.number(),
});

const schema = z.object({
  tokens: tokenSchema.nullable(),
  inference: tokenSchema.nullish(),
  refusal: z
    .object({
      token_sha256: z.string(),
      message: z.string(),
      parameters: z.record(z.string(), z.json()).nullable(),
    })
    .nullable(),
});

/**
 * Keeps one application's login in a file that its owner alone can read, for all processes of a state directory. Written by rename,
 * so that whoever reads finds a whole one.
 */
export class LoginFile {
  readonly path: string;
  private readonly directory: string;

  constructor(home: string, { authUrl, clientId }: { readonly authUrl: string; readonly clientId: string }) {
    this.directory = join(home, 'globus');
    this.path = join(this.directory, `${new URL(authUrl).host.replace(/[[\]]/g, '')}-${clientId}.json`);
  }

  /** @throws {@link PerdureError} `LoginRequired` where it is no login, `Unavailable` where the disk does not give it */
  read(): Login {
    const text = this.onDisk(() => this.textThere());
    if (text === null) return { tokens: null, refusal: null };
    const found = parsed(text);
    if (found !== undefined) return found;
    // A parser's message would quote what it met.
    throw new PerdureError('LoginRequired', 'what is kept of the login to Globus can not be read', {
      where: this.path,
      hint: `remove it and log in anew: rm '${this.path}'`,
    });
  }

  /** @throws {@link PerdureError} `Unavailable` where the disk does not take it; what was there before stays */
  write({ tokens, refusal, inference = this.read().inference ?? null }: Login): void {
    const kept: z.input<typeof schema> = {
      tokens: tokens === null ? null : fileTokens(tokens),
      ...(inference === null ? {} : { inference: fileTokens(inference) }),
      refusal:
        refusal === null
          ? null
          : {
              token_sha256: refusal.token,
              message: refusal.challenge.message,
              // A copy that may be changed is what the schema's type wants.
              parameters: structuredClone(refusal.challenge.parameters) as Record<
                string,
                z.core.util.JSONType
              > | null,
            },
    };
    this.ensureDirectory();
    const temporary = `${this.path}.${randomBytes(6).toString('hex')}.new`;
    this.onDisk(() => {
      try {
        writeFileSync(temporary, `${JSON.stringify(kept, null, 2)}\n`, { mode: 0o600, flag: 'wx' });
        renameSync(temporary, this.path);
      } catch (error) {
        rmSync(temporary, { force: true });
        throw error;
      }
    });
  }

  remove(): void {
    this.onDisk(() => {
      rmSync(this.path, { force: true });
    });
  }

  /** Does the work while no other process of this state directory does the like with this login. */
  async locked<T>(work: () => Promise<T>): Promise<T> {
    this.ensureDirectory();
    const release = await lock(this.directory, {
      lockfilePath: `${this.path}.lock`,
      stale: 10_000,
      retries: { retries: 300, factor: 1, minTimeout: 200, maxTimeout: 200 },
      // A process that stood still for long: then two renew at once, and each has a login that is good.
      onCompromised: () => undefined,
    }).catch((cause: unknown) => {
      if (errorCode(cause) !== 'ELOCKED') throw this.diskError(cause);
      throw new PerdureError(
        'Unavailable',
        'another process has been renewing the login to Globus for a minute',
        {
          where: this.path,
          cause,
        },
      );
    });
    // If the lock was taken away meanwhile, there is nothing to give back.
    return withCleanUp(work, () => release().catch(() => undefined));
  }

  private ensureDirectory(): void {
    this.onDisk(() => mkdirSync(this.directory, { recursive: true, mode: 0o700 }));
  }

  /** `null`: there is no such file. */
  private textThere(): string | null {
    try {
      return readFileSync(this.path, 'utf8');
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return null;
      throw error;
    }
  }

  private onDisk<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw this.diskError(error);
    }
  }

  /** A full or failing disk may be well again: whoever needs the login waits for it as for a service that is away. */
  private diskError(cause: unknown): unknown {
    if (errorCode(cause) === '') return cause;
    return new PerdureError('Unavailable', `the file of the login to Globus fails: ${messageOf(cause)}`, {
      where: this.path,
      cause,
    });
  }
}

function fileTokens(tokens: TokenSet): z.input<typeof tokenSchema> {
  return {
    access_token: tokens.accessToken,
    refresh_token: tokens.refreshToken,
    expires_at_seconds: tokens.expiresAt / 1000,
  };
}

function tokensIn(kept: z.output<typeof tokenSchema>): TokenSet {
  return {
    accessToken: kept.access_token,
    refreshToken: kept.refresh_token,
    expiresAt: kept.expires_at_seconds * 1000,
  };
}

function parsed(text: string): Login | undefined {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    return undefined;
  }
  const result = schema.safeParse(data);
  if (!result.success) return undefined;
  const { tokens, refusal, inference } = result.data;
  return {
    tokens: tokens === null ? null : tokensIn(tokens),
    ...(inference == null ? {} : { inference: tokensIn(inference) }),
    refusal:
      refusal === null
        ? null
        : {
            token: refusal.token_sha256,
            challenge: { message: refusal.message, parameters: refusal.parameters },
          },
  };
}
