import { follow, WaitingNews } from '../../../src/cli/follow';
import { statusLineWidth } from '../../../src/cli/terminal';
import type { Session } from '../../../src/client/session';
import type { StudyHandle } from '../../../src/client/study-handle';
import type { StudyStatus } from '../../../src/client/study-status';
import { PerdureError } from '../../../src/study/error';
import type { Waiting } from '../../../src/study/waiting';

const status: StudyStatus = {
  study: 'digits',
  state: 'running',
  reason: '',
  trials: {
    complete: 0,
    pruned: 0,
    failed: 0,
    running: 1,
    waiting: 0,
    started_by_optuna: { ended: 0, running: 0 },
  },
  best: null,
  budget: 4,
  login_required: {},
  agent: null,
};
const noWorker = (age: number): Waiting => ({
  kind: 'worker',
  message: `no live worker; 3 tasks wait, the oldest for ${String(age)} s`,
  action: 'start one: perdure up',
  trials: [],
});

describe('what a person who follows a study hears of what it waits for', () => {
  let waiting: readonly Waiting[] = [];
  let asked = 0;
  const news = (): WaitingNews =>
    new WaitingNews({
      name: 'digits',
      waitingFor: () => {
        asked += 1;
        return Promise.resolve(waiting);
      },
    });

  test('each reason is said once, with what to do, and that the study goes on', async () => {
    const one = news();
    waiting = [noWorker(10)];
    expect((await one.read(status, 0)).newLines).toEqual([
      "study 'digits' waits: no live worker; 3 tasks wait, the oldest for 10 s\n  start one: perdure up",
    ]);
    waiting = [noWorker(15)];
    expect((await one.read(status, 6000)).newLines).toEqual([]);
    waiting = [];
    expect((await one.read(status, 12_000)).newLines).toEqual(["study 'digits' goes on"]);
  });

  test('what comes and goes is not repeated within a minute', async () => {
    const one = news();
    const full: Waiting = { kind: 'job', message: 'no site takes a trial now', action: null, trials: [3] };
    const said: string[] = [];
    for (let i = 0; i < 12; i++) {
      waiting = i % 2 === 0 ? [full] : [];
      said.push(...(await one.read(status, i * 6000)).newLines);
    }
    expect(said).toEqual(["study 'digits' waits: trial 3: no site takes a trial now"]);
  });

  test('Temporal is asked every five seconds, and at once when the state changes', async () => {
    const one = news();
    asked = 0;
    for (let i = 0; i < 10; i++) await one.read(status, i * 500);
    expect(asked).toBe(1);
    await one.read({ ...status, state: 'paused' }, 4999);
    expect(asked).toBe(2);
  });
});

test.each([
  [{ isTTY: true, columns: 120 }, {}, 119],
  [{ isTTY: true, columns: 0 }, {}, 79],
  [{ isTTY: true }, {}, 79],
  [{ isTTY: true, columns: 1 }, {}, 0],
  [{ isTTY: true, columns: 120 }, { TERM: 'dumb' }, null],
  [{ isTTY: false, columns: 120 }, {}, null],
  [{}, {}, null],
])('a status line on %j with %j is %s characters wide', (stream, env, width) => {
  expect(statusLineWidth(stream, env)).toBe(width);
});

test('a followed study that is deleted in its ledger is reported as deleted, not as a wrong name', async () => {
  const study = {
    name: 's',
    status: () => Promise.reject(new PerdureError('NotFound', "there is no study 's'")),
  } as unknown as StudyHandle;
  const session = { ledger: { readTrials: () => Promise.resolve([]) } } as unknown as Session;
  await expect(follow(session, study, new AbortController().signal)).rejects.toMatchObject({
    kind: 'Gone',
    message: "study 's' was deleted or renamed in its ledger",
  });
});
