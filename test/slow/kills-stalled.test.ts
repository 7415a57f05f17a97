import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { HeldStudy } from '../support/held-study';
import { Installation, until } from '../support/installation';
import { KilledStudy, standStill } from '../support/killed-study';
import { WorkerProcess } from '../support/worker-process';

/*
 * A worker that stands still, as one does whose machine swaps or sleeps, is given up, and another one of the same host does its work.
 * Then it wakes in the middle of a step that somebody else has done.
 */

/** Where waking could do the most harm; all of `points` take four minutes. */
const steps = ['before-propose', 'before-submit', 'after-observe', 'before-record', 'before-continue-as-new'];

test('a worker that wakes in the middle of a submission that another one has given up does not end the trial', async () => {
  const installation = new Installation();
  const workers: WorkerProcess[] = [];
  try {
    const site = (name: string, slots: number): object => ({
      scheduler: 'local',
      slots,
      working_dir: join(installation.folder, name),
    });
    installation.configure({
      local: { scheduler: 'local', slots: 1 },
      small: site('small', 1),
      large: site('large', 4),
    });
    await installation.must('up');
    await installation.kill('worker');
    for (let i = 0; i < 2; i++) workers.push(await WorkerProcess.start(installation, 'host', 1));
    await using session = await installation.session();
    installation.arm('claimed');
    const study = await HeldStudy.start(installation, session, {
      name: 'given-up',
      sites: ['small', 'large'],
      budget: { trials: 1, parallel: 1 },
    });
    await until('somebody has claimed it', () => installation.hit('claimed'));
    const pid = await installation.standing('claimed');
    await standStill(pid);
    installation.go('claimed');
    // Its site is full meanwhile.
    const slots = new DatabaseSync(join(installation.folder, 'small', 'slots.db'));
    slots.exec(`INSERT INTO claims VALUES ('/nonexistent', ${String(Date.now() + 3_600_000)})`);
    slots.close();
    await until('it runs elsewhere', () => study.started(0), 150_000);
    process.kill(pid, 'SIGCONT');
    await sleep(3000);
    expect(await study.trial(0)).toMatchObject({ state: 'RUNNING' });
    study.release('all');
    expect(await study.handle.result()).toMatchObject({ state: 'complete', trials: { complete: 1 } });
    expect((await study.trial(0)).userAttrs).toMatchObject({ site: 'large', attempts: 2 });
  } finally {
    for (const worker of workers) await worker.kill();
    await installation.must('down').catch(() => undefined);
    await installation.destroy();
  }
});

test('a worker that wakes after another one has done its work does no harm', async () => {
  const installation = new Installation();
  const workers: WorkerProcess[] = [];
  try {
    await installation.must('up');
    await installation.kill('worker');
    for (let i = 0; i < 2; i++) workers.push(await WorkerProcess.start(installation, 'host', 4));
    const todo = [...steps];
    const problems: string[] = [];
    for (let round = 1; todo.length > 0; round++) {
      const study = await KilledStudy.start(installation, `stalled-${String(round)}`, 40, round);
      for (let point = todo[0]; point !== undefined; point = todo[0]) {
        if (!(await study.stallAt(point))) break;
        todo.shift();
      }
      problems.push(...(await study.problems()));
    }
    expect(problems).toEqual([]);
    // None of them had to be started again.
    for (const worker of workers) expect(await worker.end()).toBe(0);
  } finally {
    for (const worker of workers) await worker.kill();
    await installation.must('down').catch(() => undefined);
    await installation.destroy();
  }
}, 900_000);
