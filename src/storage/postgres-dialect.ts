import {
  PostgresDialect,
  type Dialect,
  type Driver,
  type PostgresCursor,
  type PostgresPool,
  type PostgresPoolClient,
  type PostgresQueryResult,
} from 'kysely';
import { Pool, types, type PoolClient } from 'pg';
import { handleErrors } from '../process/handle-errors';

/**
 * Session settings of each connection (milliseconds). The server ends the idle transaction of a stopped worker before another worker
 * gives up waiting for its lock.
 */
const serverTimeouts = {
  idle_in_transaction_session_timeout: 10_000,
  lock_timeout: 20_000,
  statement_timeout: 30_000,
} as const;

/** Enforced by the client, because a stopped server does not enforce its own timeouts (milliseconds). */
const defaultQueryTimeoutMs = 40_000;
const connectTimeoutMs = 10_000;

export interface PostgresOptions {
  /** Makes every transaction read-only. */
  readonly readOnly?: boolean;
  /** How long a query may take (milliseconds); after that its connection is closed. Default: 40 s. */
  readonly queryTimeoutMs?: number;
}

/** PostgreSQL for kysely, with deadlines for connections, queries, locks and transactions. */
export function postgresDialect(connectionString: string, options: PostgresOptions = {}): Dialect {
  const { readOnly = false, queryTimeoutMs = defaultQueryTimeoutMs } = options;
  const asText = new Set<number>([types.builtins.TIMESTAMP]);
  // The pool replaces a broken connection at the next query. It reports errors of idle connections only.
  const pool = handleErrors(
    new Pool({
      ...withSettings(connectionString, {
        ...serverTimeouts,
        ...(readOnly ? { default_transaction_read_only: 'on' } : {}),
      }),
      max: 8,
      connectionTimeoutMillis: connectTimeoutMs,
      // A server that does not answer must not keep this process alive.
      allowExitOnIdle: true,
      // Without it, a connection to a machine that is gone looks open for hours.
      keepAlive: true,
      keepAliveInitialDelayMillis: 10_000,
      types: {
        getTypeParser: (id: Parameters<typeof types.getTypeParser>[0], format?: 'text' | 'binary') => {
          // Optuna's timestamps have no time zone; `pg` would read them as local time.
          if (asText.has(id)) return (text: string) => text;
          return types.getTypeParser(id, format) as (value: unknown) => unknown;
        },
      },
    }),
  );
  pool.on('connect', (client) => handleErrors(client));
  return new LedgerDialect({ pool: new DeadlinePool(pool, queryTimeoutMs) });
}

/** Adds session settings to an address. Settings in the address itself (`options=-c name=value`) take precedence. */
function withSettings(
  connectionString: string,
  settings: Readonly<Record<string, string | number>>,
): { readonly connectionString: string; readonly options: string } {
  const words = Object.entries(settings).map(([name, value]) => `-c ${name}=${String(value)}`);
  const url = new URL(connectionString);
  const own = url.searchParams.get('options');
  if (own === null) return { connectionString, options: words.join(' ') };
  url.searchParams.delete('options');
  return { connectionString: url.toString(), options: [...words, own].join(' ') };
}

class LedgerDialect extends PostgresDialect {
  /** Ignores a failed rollback, so that the error that made the transaction fail is reported. */
  override createDriver(): Driver {
    const driver = super.createDriver();
    const rollback = driver.rollbackTransaction.bind(driver);
    driver.rollbackTransaction = (connection) => rollback(connection).catch(() => undefined);
    return driver;
  }
}

class DeadlinePool implements PostgresPool {
  constructor(
    private readonly pool: Pool,
    private readonly timeoutMs: number,
  ) {}

  async connect(): Promise<PostgresPoolClient> {
    return new DeadlineClient(await this.pool.connect(), this.timeoutMs);
  }

  end(): Promise<void> {
    return this.pool.end();
  }
}

/**
 * A pooled connection with a deadline for each query. The `query_timeout` of `pg` is not enough: it leaves the connection in the pool,
 * where the next query waits behind the one without an answer.
 */
class DeadlineClient implements PostgresPoolClient {
  constructor(
    private readonly client: PoolClient,
    private readonly timeoutMs: number,
  ) {}

  query<R>(sql: string, parameters: readonly unknown[]): Promise<PostgresQueryResult<R>>;
  query<R>(cursor: PostgresCursor<R>): PostgresCursor<R>;
  query<R>(
    query: string | PostgresCursor<R>,
    parameters: readonly unknown[] = [],
  ): Promise<PostgresQueryResult<R>> | PostgresCursor<R> {
    if (typeof query !== 'string') throw new Error('cursors are not supported');
    return this.ask<R>(query, parameters);
  }

  release(): void {
    this.client.release();
  }

  private async ask<R>(sql: string, parameters: readonly unknown[]): Promise<PostgresQueryResult<R>> {
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        // While a query runs, `end` closes the socket at once. The pool discards a client that has ended.
        void this.client.end();
        const message = `PostgreSQL did not answer within ${String(this.timeoutMs / 1000)} s`;
        reject(Object.assign(new Error(message), { code: 'ETIMEDOUT' }));
      }, this.timeoutMs);
    });
    try {
      const answer = await Promise.race([this.client.query(sql, [...parameters]), deadline]);
      const { rowCount, rows } = answer;
      // `pg` types the command as text; kysely lists the ones that it reads.
      const command = answer.command as PostgresQueryResult<R>['command'];
      return { command, rowCount: rowCount ?? 0, rows: rows as R[] };
    } finally {
      clearTimeout(timer);
    }
  }
}
