import { paramsText } from '../study/params-text';
import type { Params } from '../study/space';

/** Parameters in one line, for lists in Temporal UI. */
export function summaryOf(params: Params): string {
  return paramsText(params, 160);
}
