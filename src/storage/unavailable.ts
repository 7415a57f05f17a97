import { PerdureError } from '../study/error';
import { SqliteError } from './sqlite-dialect';

/**
 * PostgreSQL: connection lost or refused, too many connections, shutting down, serialisation and deadlock, a standby for now, and
 * the timeouts that `postgres-dialect.ts` sets (for a statement and for an idle transaction).
 */
const passing = /^(08|53|57P|57014|40|25006|25P0[34])/;
/** PostgreSQL: another transaction held the lock for longer than `lock_timeout`. */
const lockNotAvailable = '55P03';

/** An error of a database driver as a domain error, where it is one of "does not answer now"; any other as it is. */
export function asUnavailable(error: unknown, where: string): unknown {
  if (error instanceof PerdureError || !isErrorLike(error)) return error;
  const code = typeof error.code === 'string' ? error.code : '';
  const network =
    /^(ECONN|ETIMEDOUT|EHOSTUNREACH|ENOTFOUND|EPIPE|EAI_)/.test(code) ||
    /timeout|terminated|not queryable/i.test(error.message);
  const busy = code === lockNotAvailable || (error instanceof SqliteError && error.busy);
  if (busy) {
    return new PerdureError('Unavailable', 'the ledger is locked by another process', {
      where,
      cause: error,
    });
  }
  if (network || passing.test(code)) {
    return new PerdureError(
      'Unavailable',
      `the ledger does not answer (${code === '' ? error.message : code})`,
      {
        where,
        hint: 'is the database running, and its address right? See `storage:` in perdure.yaml',
        cause: error,
      },
    );
  }
  if (code.startsWith('28') || code === '3D000') {
    return new PerdureError('InvalidInput', `the database refuses the connection: ${error.message}`, {
      where,
      cause: error,
    });
  }
  // READONLY, IOERR, FULL, CANTOPEN, AUTH
  if (error instanceof SqliteError && [8, 10, 13, 14, 23].includes((error.errcode ?? 0) & 0xff)) {
    return new PerdureError('Unavailable', `the ledger's file can't be written: ${error.message}`, {
      where,
      hint: "is its disk full, or is the file somebody else's?",
      cause: error,
    });
  }
  if (error instanceof SqliteError && [11, 26].includes((error.errcode ?? 0) & 0xff)) {
    return new PerdureError('Corrupt', `this is not a SQLite database, or a damaged one: ${error.message}`, {
      where,
      cause: error,
    });
  }
  return error;
}

/** PgBouncer refuses session settings in a connection unless it is configured to ignore them. */
const noSettings = 'unsupported startup parameter';

/** PostgreSQL: no right to do this, no such schema. */
const refused = /^(42501|3F000)$/;
/** Of `pg` and of Node's files and TLS: what the address asks for is not to be had so. */
const wrongAddress = /^SASL:|does not support SSL|no such file or directory, open/i;
const wrongTls = /CERT|^ERR_TLS|^ERR_SSL|^EPROTO/;

/**
 * The same where a ledger is opened: what would pass once everything has run, as a certificate that is renewed, is then most
 * likely a wrong address.
 */
export function asOpeningError(error: unknown, where: string): unknown {
  if (isErrorLike(error) && error.message.includes(noSettings)) {
    return new PerdureError('InvalidInput', `the database refuses the connection: ${error.message}`, {
      where,
      hint: 'in PgBouncer, set ignore_startup_parameters = options',
      cause: error,
    });
  }
  const known = asUnavailable(error, where);
  if (known instanceof PerdureError || !isErrorLike(error)) return known;
  const code = typeof error.code === 'string' ? error.code : '';
  if (refused.test(code)) {
    const hint = 'its owner can: GRANT CREATE, USAGE ON SCHEMA public TO the user';
    return new PerdureError('InvalidInput', `the database refuses: ${error.message}`, {
      where,
      ...(error.message.includes('schema') ? { hint } : {}),
      cause: error,
    });
  }
  if (wrongAddress.test(error.message) || wrongTls.test(code)) {
    return new PerdureError('InvalidInput', `the database can't be used so: ${error.message}`, {
      where,
      hint: 'look at user, password and options of `storage:` in perdure.yaml',
      cause: error,
    });
  }
  return known;
}

/** An error may come from another realm (a test's sandbox), where `instanceof Error` does not hold. */
function isErrorLike(error: unknown): error is { readonly message: string; readonly code?: unknown } {
  return (
    typeof error === 'object' && error !== null && 'message' in error && typeof error.message === 'string'
  );
}
