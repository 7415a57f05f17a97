import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { PerdureError } from '../study/error';

/** Where a ledger is. */
export type LedgerAddress =
  | { readonly kind: 'sqlite'; readonly path: string; readonly shown: string }
  | { readonly kind: 'postgresql'; readonly connectionString: string; readonly shown: string };

/**
 * Reads an address as Optuna (SQLAlchemy) writes it: `sqlite:///relative.db`, `sqlite:////absolute.db`,
 * `postgresql://user:password@host:port/database`, also with a driver (`postgresql+psycopg2`).
 * @throws {@link PerdureError} `InvalidInput` for anything else
 */
export function parseLedgerUrl(url: string): LedgerAddress {
  const [, scheme = '', rest = ''] = /^([a-z0-9]+)(?:\+[a-z0-9_]+)?:\/\/(.*)$/is.exec(url) ?? [];
  if (scheme.toLowerCase() === 'sqlite') {
    const path = rest.startsWith('/') ? rest.slice(1) : '';
    if (path === '' || path === ':memory:') {
      throw new PerdureError('InvalidInput', 'a ledger needs a file', {
        where: 'storage',
        hint: 'sqlite:////absolute/path.db',
      });
    }
    return { kind: 'sqlite', path: resolve(path), shown: `sqlite:///${resolve(path)}` };
  }
  if (scheme.toLowerCase() === 'postgresql' || scheme.toLowerCase() === 'postgres') {
    const connectionString = `postgresql://${rest}`;
    if (!URL.canParse(connectionString)) {
      throw new PerdureError('InvalidInput', 'the address of the PostgreSQL database can not be read', {
        where: 'storage',
        hint: 'postgresql://user:password@host:5432/database',
      });
    }
    const shown = new URL(connectionString);
    shown.password = '';
    // libpq takes it there as well.
    shown.searchParams.delete('password');
    return { kind: 'postgresql', connectionString, shown: shown.toString() };
  }
  throw new PerdureError(
    'InvalidInput',
    `a ledger can't be kept at '${scheme === '' ? url : `${scheme}://…`}'`,
    {
      where: 'storage',
      hint: 'write sqlite:////absolute/path.db or postgresql://user:password@host:5432/database',
    },
  );
}

/**
 * A short identity of a ledger. The same identity means the same ledger, but one ledger may have several identities, because a host
 * may have several names.
 * @param url the ledger's address without a password
 */
export function ledgerIdentity(url: string): string {
  const host = url.startsWith('sqlite:') ? hostname() : '';
  return createHash('sha256').update(`${host} ${url}`).digest('hex').slice(0, 12);
}
