import { createHash } from 'node:crypto';
import type { Ledger } from '../storage/ledger';
import { cacheKeyText } from '../study/cache-key';
import type { Params } from '../study/space';
import type { StudySpec } from '../study/spec';
import type { Trial } from '../study/trial';

export function cacheKey(spec: StudySpec, params: Params): string {
  return createHash('sha256').update(cacheKeyText(spec, params)).digest('hex');
}

/**
 * Ends a trial with the result that another trial of the same key left, reported values included, so that pruners know as much as
 * if it had run. What a person has asked to be run again is run again.
 * @returns `false` where there is none
 */
export async function endFromCache(
  ledger: Ledger,
  study: string,
  { number, userAttrs }: Trial,
  key: string,
): Promise<boolean> {
  if (userAttrs['retry_of'] !== undefined) return false;
  const found = await ledger.findCached(key);
  if (found === null) return false;
  if (found.intermediateValues.size > 0)
    await ledger.setIntermediateValues(study, number, found.intermediateValues);
  const cached_from = { study: found.study, trial: found.number };
  await ledger.finishTrial(study, number, {
    state: 'COMPLETE',
    values: found.values,
    userAttrs: { cached_from },
  });
  return true;
}
