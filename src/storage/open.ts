import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Kysely } from 'kysely';
import { errorCode, isDiskFull, messageOf, PerdureError } from '../study/error';
import type { Ledger } from './ledger';
import { networkFileSystem } from './network-file-system';
import { hasLedger, migrate } from './migrations';
import type { DatabaseKind } from './optuna-schema';
import { postgresDialect, type PostgresOptions } from './postgres-dialect';
import { SqlLedger } from './sql-ledger';
import { sqliteDialect } from './sqlite-dialect';
import type { Tables } from './tables';
import { asOpeningError } from './unavailable';
import { parseLedgerUrl, type LedgerAddress } from './url';

/** How a ledger on PostgreSQL is opened. */
export type LedgerOptions = Pick<PostgresOptions, 'queryTimeoutMs'>;

/**
 * Opens the ledger, making its tables where there are none.
 * @param url as Optuna writes it; see `parseLedgerUrl`
 * @throws {@link PerdureError} `InvalidInput` for an address that can't be one, or a database that can't be used by it, or a SQLite
 * file on a network file system;
 * `Unavailable` where the database does not answer; `Corrupt` for an Optuna storage of another version, or a ledger of a newer Perdure
 */
export async function openLedger(url: string, options: LedgerOptions = {}): Promise<Ledger> {
  const address = parseLedgerUrl(url);
  if (address.kind === 'sqlite') await prepareFile(address);
  const db = connect(address, options);
  await examine(db, address, migrate);
  return new SqlLedger(db, address.kind, address.shown);
}

/**
 * Opens the ledger for reading: it takes no write lock and needs no write permission. Methods that write fail.
 * @returns `null` where there is no ledger yet
 * @throws {@link PerdureError} as {@link openLedger} does; `NotFound` for an Optuna storage without Perdure's tables
 */
export async function openLedgerToRead(url: string, options: LedgerOptions = {}): Promise<Ledger | null> {
  const address = parseLedgerUrl(url);
  if (address.kind === 'sqlite' && !(await fileExists(address))) return null;
  const db = connect(address, { ...options, readOnly: true });
  const found = await examine(db, address, hasLedger);
  if (found) return new SqlLedger(db, address.kind, address.shown);
  await db.destroy();
  return null;
}

function connect(address: LedgerAddress, options: PostgresOptions): Kysely<Tables> {
  const dialect =
    address.kind === 'sqlite'
      ? sqliteDialect(address.path, { readOnly: options.readOnly ?? false })
      : postgresDialect(address.connectionString, options);
  return new Kysely<Tables>({ dialect });
}

/** Runs the first queries. Their errors show what is wrong with the address; the database is closed then. */
async function examine<T>(
  db: Kysely<Tables>,
  { kind, shown }: LedgerAddress,
  work: (db: Kysely<Tables>, kind: DatabaseKind, shown: string) => Promise<T>,
): Promise<T> {
  try {
    return await work(db, kind, shown);
  } catch (error) {
    // A database that could not be opened may not close either; the first error is the one to report.
    await db.destroy().catch(() => undefined);
    throw asOpeningError(error, shown);
  }
}

type SqliteAddress = Extract<LedgerAddress, { kind: 'sqlite' }>;

const otherPlace = 'name another place: `storage:` in perdure.yaml, or PERDURE_HOME';

/** The disk is full or does not answer: trying again may help. */
function isTransient(error: unknown): boolean {
  return isDiskFull(error) || ['EIO', 'ESTALE', 'ETIMEDOUT'].includes(errorCode(error));
}

/** Creates the directory of a ledger. */
async function prepareFile(address: SqliteAddress): Promise<void> {
  const { path, shown } = address;
  refuseNetworkFileSystem(address);
  // By default that is the state directory, which belongs to one user.
  await mkdir(dirname(path), { recursive: true, mode: 0o700 }).catch((cause: unknown) => {
    const kind = isTransient(cause) ? 'Unavailable' : 'InvalidInput';
    const message = `the ledger's directory can't be made: ${messageOf(cause)}`;
    throw new PerdureError(kind, message, { where: shown, hint: otherPlace, cause });
  });
  await fileExists(address);
}

/** @throws {@link PerdureError} `InvalidInput` for a directory, or a path that can't be one */
async function fileExists(address: SqliteAddress): Promise<boolean> {
  const { path, shown } = address;
  refuseNetworkFileSystem(address);
  const found = await stat(path).catch((cause: unknown) => {
    if (errorCode(cause) === 'ENOENT') return null;
    const kind = isTransient(cause) ? 'Unavailable' : 'InvalidInput';
    const message = `the ledger's file can't be read: ${messageOf(cause)}`;
    throw new PerdureError(kind, message, { where: shown, hint: otherPlace, cause });
  });
  if (found?.isDirectory() === true) {
    const message = 'a ledger is a file, and this is a directory';
    throw new PerdureError('InvalidInput', message, { where: shown, hint: otherPlace });
  }
  return found !== null;
}

function refuseNetworkFileSystem({ path, shown }: SqliteAddress): void {
  const network = networkFileSystem(path);
  if (network === null) return;
  throw new PerdureError(
    'InvalidInput',
    `a SQLite ledger does not hold on a network file system (${network})`,
    {
      where: shown,
      hint: 'keep it on a local disk, or use PostgreSQL: storage: postgresql://user:password@host:5432/database',
    },
  );
}
