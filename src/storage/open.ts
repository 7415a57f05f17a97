import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type Driver, Kysely, PostgresDialect } from 'kysely';
import { Pool, types } from 'pg';
import { handleErrors } from '../process/handle-errors';
import { errorCode, isDiskFull, messageOf, PerdureError } from '../study/error';
import type { Ledger } from './ledger';
import { networkFileSystem } from './network-file-system';
import { migrate } from './migrations';
import { SqlLedger } from './sql-ledger';
import { sqliteDialect } from './sqlite-dialect';
import type { Tables } from './tables';
import { asOpeningError } from './unavailable';
import { parseLedgerUrl, type LedgerAddress } from './url';

/**
 * Opens the ledger, making its tables where there are none.
 * @param url as Optuna writes it; see `parseLedgerUrl`
 * @throws {@link PerdureError} `InvalidInput` for an address that can't be one, or a database that can't be used by it, or a SQLite
 * file on a network file system;
 * `Unavailable` where the database does not answer; `Corrupt` for an Optuna storage of another version, or a ledger of a newer Perdure
 */
export async function openLedger(url: string): Promise<Ledger> {
  const address = parseLedgerUrl(url);
  const db = address.kind === 'sqlite' ? await openSqlite(address) : openPostgres(address);
  try {
    await migrate(db, address.kind, address.shown);
  } catch (error) {
    // What could not be opened can't be closed either.
    await db.destroy().catch(() => undefined);
    throw asOpeningError(error, address.shown);
  }
  return new SqlLedger(db, address.kind, address.shown);
}

/** What passes: no room, a disk that does not answer. */
const passing: ReadonlySet<string> = new Set(['EIO', 'ESTALE', 'ETIMEDOUT']);

async function openSqlite({
  path,
  shown,
}: Extract<LedgerAddress, { kind: 'sqlite' }>): Promise<Kysely<Tables>> {
  const network = networkFileSystem(path);
  if (network !== null) {
    throw new PerdureError(
      'InvalidInput',
      `a SQLite ledger does not hold on a network file system (${network})`,
      {
        where: shown,
        hint: 'keep it on a local disk, or use PostgreSQL: storage: postgresql://user:password@host:5432/database',
      },
    );
  }
  const hint = 'name another place: `storage:` in perdure.yaml, or PERDURE_HOME';
  // By default that is the state directory, which is nobody else's.
  await mkdir(dirname(path), { recursive: true, mode: 0o700 }).catch((cause: unknown) => {
    const kind = isDiskFull(cause) || passing.has(errorCode(cause)) ? 'Unavailable' : 'InvalidInput';
    const message = `the ledger's directory can't be made: ${messageOf(cause)}`;
    throw new PerdureError(kind, message, { where: shown, hint, cause });
  });
  if ((await stat(path).catch(() => null))?.isDirectory() === true)
    throw new PerdureError('InvalidInput', 'a ledger is a file, and this is a directory', {
      where: shown,
      hint,
    });
  return new Kysely<Tables>({ dialect: sqliteDialect(path) });
}

function openPostgres({ connectionString }: Extract<LedgerAddress, { kind: 'postgresql' }>): Kysely<Tables> {
  const asText = new Set<number>([types.builtins.TIMESTAMP]);
  // A connection that breaks is replaced at the next query. The pool reports errors of idle connections only.
  const pool = handleErrors(
    new Pool({
      connectionString,
      max: 8,
      connectionTimeoutMillis: 10_000,
      // A server that is gone without a word would be waited for for ever.
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
  return new Kysely<Tables>({ dialect: new LedgerDialect({ pool }) });
}

class LedgerDialect extends PostgresDialect {
  /** What made a transaction fail is told, and not that a broken connection has nothing to be rolled back. */
  override createDriver(): Driver {
    const driver = super.createDriver();
    const rollback = driver.rollbackTransaction.bind(driver);
    driver.rollbackTransaction = (connection) => rollback(connection).catch(() => undefined);
    return driver;
  }
}
