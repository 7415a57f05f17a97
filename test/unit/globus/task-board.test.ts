import type { GlobusClient } from '../../../src/schedulers/globus/globus-client';
import { usualPatience, type GlobusSite } from '../../../src/schedulers/globus/globus-site';
import type { GlobusJournal } from '../../../src/schedulers/globus/journal';
import { TaskBoard } from '../../../src/schedulers/globus/task-board';
import { PerdureError } from '../../../src/study/error';
import { until } from '../../support/installation';

test('an end that the ledger did not take comes again soon, and neither holds up others nor is an outage of the service', async () => {
  const ids = ['first', 'second'];
  const journal = {
    taskGroups: () => Promise.resolve([]),
    openTasks: () =>
      Promise.resolve(ids.map((taskId) => ({ attempt: `of ${taskId}`, taskId, submittedAt: new Date() }))),
  } as unknown as GlobusJournal;
  const client = {
    batchStatus: (asked: readonly string[]) =>
      Promise.resolve(Object.fromEntries(asked.map((id) => [id, { status: 'failed', exception: 'X' }]))),
  } as unknown as GlobusClient;
  const tries: string[] = [];
  let locked = true;
  const take = (_attempt: string, taskId: string): Promise<void> => {
    tries.push(taskId);
    if (locked && taskId === 'first')
      return Promise.reject(new PerdureError('Unavailable', 'the ledger is locked'));
    return Promise.resolve();
  };
  // Nothing else makes it due again.
  const patience = { ...usualPatience, poll: { alone: 600_000, listening: 600_000 } };
  const board = new TaskBoard(
    { site: 'far' } as GlobusSite,
    client,
    journal,
    { name: 'f', text: '' },
    take,
    patience,
  );
  try {
    await board.adopt();
    await until('both were tried', () => tries.length >= 2);
    expect(tries).toEqual(['first', 'second']);
    expect(board.outage).toBeNull();
    locked = false;
    await until('the first is tried again', () => tries.length === 3);
    expect(tries[2]).toBe('first');
  } finally {
    await board.close();
  }
});
