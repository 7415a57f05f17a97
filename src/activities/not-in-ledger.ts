import type { Ledger } from '../storage/ledger';
import { PerdureError } from '../study/error';

/**
 * What was to be read is not in this worker's ledger. Another worker may have it, or somebody brings it back: nothing of it is lost
 * meanwhile.
 * @param what whose row is missing
 * @param right which ledger has it, behind "than the one that"
 */
export function notInLedger({ url }: Pick<Ledger, 'url'>, what: string, right: string): PerdureError {
  return new PerdureError('Unavailable', `the ledger has no ${what}`, {
    where: url,
    hint: `this worker may be using another ledger than the one that ${right}`,
    elsewhere: true,
  });
}
