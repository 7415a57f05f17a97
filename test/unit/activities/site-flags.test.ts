import { asyncLocalStorage, type Context } from '@temporalio/activity';
import { SiteFlags } from '../../../src/activities/site-flags';
import type { Ledger } from '../../../src/storage';
import type { Json } from '../../../src/study/json';

test('a login that Temporal could not be told of is told by the next attempt', async () => {
  const attrs: Record<string, Json> = {};
  const ledger = {
    findStudy: () => Promise.resolve({ attrs }),
    setStudyAttrs: (_: string, more: Record<string, Json>) => Promise.resolve(Object.assign(attrs, more)),
  } as unknown as Ledger;
  const signal = jest
    .fn()
    .mockRejectedValueOnce(new Error('resource exhausted'))
    .mockResolvedValue(undefined);
  const context = {
    client: { workflow: { getHandle: () => ({ signal }) } },
    info: { workflowType: 'study', workflowExecution: { workflowId: 'perdure/s' } },
  } as unknown as Context;
  const flags = new SiteFlags(ledger);
  const tell = (): Promise<void> =>
    asyncLocalStorage.run(context, () => flags.tell({ name: 's', uuid: 'u' }, 'far', 'perdure login far'));
  await expect(tell()).rejects.toThrow('resource exhausted');
  await tell();
  expect(signal).toHaveBeenCalledTimes(2);
  expect(Object.values(attrs)).toEqual(['perdure login far']);
  await tell();
  expect(signal).toHaveBeenCalledTimes(2);
});
