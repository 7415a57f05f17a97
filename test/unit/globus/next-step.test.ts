import { nothingKnown, type AttemptFacts } from '../../../src/schedulers/globus/attempt-facts';
import { usualPatience } from '../../../src/schedulers/globus/globus-site';
import { nextStep, type OpenAttempt } from '../../../src/schedulers/globus/next-step';

const now = 10_000_000;
const ago = (seconds: number): Date => new Date(now - seconds * 1000);
const facts: AttemptFacts = {
  gone: false,
  status: null,
  settled: false,
  hasResult: false,
  stop: null,
  tombstone: null,
  replacedBy: null,
  lateResult: null,
  beat: '1 2 host',
  startedAt: null,
  endedAt: null,
  host: 'host',
};
const gone: AttemptFacts = { ...facts, gone: true, beat: '' };

function step(
  tasks: readonly { readonly ended: string | null; readonly age?: number }[],
  more: Partial<OpenAttempt> = {},
  maxRetries = 2,
): ReturnType<typeof nextStep> {
  return nextStep(
    {
      record: {
        attempt: 'a',
        request: {},
        stop: null,
        outcome: null,
        tasks: tasks.map(({ ended, age = 60 }, i) => ({ taskId: String(i), submittedAt: ago(age), ended })),
      },
      facts: null,
      beat: { text: '', since: now, times: 0 },
      overtaken: null,
      ...more,
    },
    { maxRetries, patience: usualPatience },
    now,
  );
}

test('a task that is open is waited for, and so is an attempt that was not submitted or was stopped', () => {
  expect(step([{ ended: null, age: 86_400 }])).toEqual({ do: 'wait' });
  expect(step([])).toEqual({ do: 'wait' });
  const record = { attempt: 'a', request: {}, stop: {}, outcome: null, tasks: [] };
  expect(step([], { record })).toEqual({ do: 'wait' });
});

test('a task that failed is submitted again after a pause, so often, and then its attempt is lost', () => {
  expect(step([{ ended: 'failed X', age: 0.1 }])).toEqual({ do: 'wait' });
  expect(step([{ ended: 'failed X' }])).toEqual({ do: 'submit' });
  expect(step([{ ended: 'failed X' }, { ended: 'failed X' }])).toEqual({ do: 'submit' });
  const third = step([{ ended: 'failed X' }, { ended: 'failed X' }, { ended: 'failed WorkerLost: gone' }]);
  expect(third).toEqual({ do: 'lost', why: 'the endpoint did not run it: WorkerLost: gone' });
  expect(step([{ ended: 'failed X' }], {}, 0).do).toBe('lost');
});

test('one that missed its files is submitted with them, and does not count as failed', () => {
  expect(step([{ ended: 'missing', age: 0 }], {}, 0)).toEqual({ do: 'submit' });
  expect(step(Array.from({ length: 6 }, () => ({ ended: 'missing' }))).do).toBe('lost');
});

test('where another task has the fence, it is asked for now and then', () => {
  expect(step([{ ended: 'held', age: 10 }])).toEqual({ do: 'wait' });
  expect(step([{ ended: 'held', age: 100 }])).toEqual({ do: 'submit' });
});

test('a task that later ones have overtaken is submitted again, each time after a longer while, unless it has begun', () => {
  const overtaken = now - 100_000;
  expect(step([{ ended: null }], { overtaken })).toEqual({ do: 'submit' });
  expect(step([{ ended: null }, { ended: null }], { overtaken })).toEqual({ do: 'wait' });
  expect(step([{ ended: null }], { overtaken, facts: gone })).toEqual({ do: 'submit' });
  expect(step([{ ended: null }], { overtaken, facts })).toEqual({ do: 'wait' });
});

test('a task that was lost in silence does not hold up what a later one that failed has coming', () => {
  const failed = { ended: 'failed X' };
  expect(step([{ ended: null }, failed])).toEqual({ do: 'submit' });
  expect(step([{ ended: null }, { ended: 'missing', age: 0 }])).toEqual({ do: 'submit' });
  const held = [{ ended: null }, { ended: 'held', age: 100 }];
  expect(step(held, { facts: nothingKnown })).toEqual({ do: 'submit' });
  // Whoever has just begun to follow it looks first.
  expect(step(held)).toEqual({ do: 'wait' });
  // It is the one that runs.
  expect(step([{ ended: null }, failed], { facts })).toEqual({ do: 'wait' });
});

test('too many failures are no loss while a task may yet run: it is submitted again when it is overtaken', () => {
  const tasks = [{ ended: null }, ...Array.from({ length: 3 }, () => ({ ended: 'failed X' }))];
  expect(step(tasks)).toEqual({ do: 'wait' });
  expect(step(tasks, { overtaken: now - 59_000 })).toEqual({ do: 'wait' });
  expect(step(tasks, { overtaken: now - 61_000 })).toEqual({ do: 'submit' });
  const missing = [{ ended: null }, ...Array.from({ length: 6 }, () => ({ ended: 'missing' }))];
  expect(step(missing)).toEqual({ do: 'wait' });
});

test('the pause before a task that was lost in silence is submitted again grows with such tasks alone', () => {
  const failed = Array.from({ length: 4 }, () => ({ ended: 'failed X' }));
  expect(step([...failed, { ended: null }], { overtaken: now - 61_000 }, 5)).toEqual({ do: 'submit' });
});

test('an attempt is given up when it had begun and its sign of life stays the same, seen twice at least', () => {
  const beat = { text: facts.beat, since: now - 61_000, times: 2 };
  expect(step([{ ended: null }], { facts, beat }).do).toBe('giveUp');
  expect(step([{ ended: null }], { facts, beat: { ...beat, times: 1 } })).toEqual({ do: 'wait' });
  expect(step([{ ended: null }], { facts, beat: { ...beat, since: now - 59_000 } })).toEqual({ do: 'wait' });
  expect(step([{ ended: null }], { facts: gone, beat: { ...beat, text: '' } })).toEqual({ do: 'wait' });
});

test('what was ended with its worker is lost, and what ended by itself is left to whoever records it', () => {
  const status = { code: 143, stopped: false, signalled: true };
  expect(step([{ ended: null }], { facts: { ...facts, status } }).do).toBe('lost');
  expect(step([{ ended: null }], { facts: { ...facts, status, settled: true } })).toEqual({ do: 'wait' });
  const well = { code: 0, stopped: false, signalled: false };
  expect(step([{ ended: null }], { facts: { ...facts, status: well } })).toEqual({ do: 'wait' });
});
