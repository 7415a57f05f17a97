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
 * Set for each connection, so that the server ends what a stopped worker left. Milliseconds. Waiting for a lock takes longer than the
 * server waits for a transaction that does nothing: whoever waits for a stopped worker gets its lock.
 */
const serverTimeouts = {
  idle_in_transaction_session_timeout: 10_000,
  lock_timeout: 20_000,
  statement_timeout: 30_000,
} as const;

/** A server that is stopped keeps none of its timeouts, so this one is ours (milliseconds). */
const defaultQueryTimeoutMs = 40_000;
const connectTimeoutMs = 10_000;

export interface PostgresOptions {
  /** Refuses every change. */
  readonly readOnly?: boolean;
  /** How long the server may take to answer a query, in milliseconds; its connection is closed then. Default: 40 s. */
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
      // Closing it does not wait for a server that does not answer.
      allowExitOnIdle: true,
      // Without it, a connection to a machine that is gone would look open for hours.
      keepAlive: true,
      keepAliveInitialDelayMillis: 10_000,
      types: {
        getTypeParser: (id: Parameters<typeof types.getTypeParser>[0], format?: 'text' | 'binary') => {
          // A timestamp has no zone in Optuna's tables; JavaScript would read it in the local one.
          if (asText.has(id)) return (text: string) => text;
          return types.getTypeParser(id, format) as (value: unknown) => unknown;
        },
      },
    }),
  );
  pool.on('connect', (client) => handleErrors(client));
  return new LedgerDialect({ pool: new DeadlinePool(pool, queryTimeoutMs) });
}

/** Adds settings of the session to an address; those that the address has itself (`options=-c name=value`) win. */
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
  /** What made a transaction fail is reported, not that a broken connection can't be rolled back. */
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
 * A connection of the pool with a deadline for each query. `query_timeout` of `pg` would not do: it leaves the connection in the pool,
 * where the next query waits behind the one that has no answer.
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
    if (typeof query !== 'string') throw new Error('cursors are not offered');
    return this.ask<R>(query, parameters);
  }

  release(): void {
    this.client.release();
  }

  private async ask<R>(sql: string, parameters: readonly unknown[]): Promise<PostgresQueryResult<R>> {
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        // With a query under way, `end` closes the socket at once. The pool drops a client that has ended.
        void this.client.end();
        const message = `PostgreSQL gave no answer within ${String(this.timeoutMs / 1000)} s`;
        reject(Object.assign(new Error(message), { code: 'ETIMEDOUT' }));
      }, this.timeoutMs);
    });
    try {
      const answer = await Promise.race([this.client.query(sql, [...parameters]), deadline]);
      const { rowCount, rows } = answer;
      // The types of kysely list the commands that it reads; `pg` has text.
      const command = answer.command as PostgresQueryResult<R>['command'];
      return { command, rowCount: rowCount ?? 0, rows: rows as R[] };
    } finally {
      clearTimeout(timer);
    }
  }
}
