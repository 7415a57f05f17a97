import { Installation } from '../support/installation';
import { KilledStudy } from '../support/killed-study';
import { WorkerProcess } from '../support/worker-process';

/*
 * A worker that stands still, as one does whose machine swaps or sleeps, is given up, and another one of the same host does its work.
 * Then it wakes in the middle of a step that somebody else has done.
 */

/** Where waking could do the most harm; all of `points` take four minutes. */
const steps = ['before-propose', 'before-submit', 'after-observe', 'before-record', 'before-continue-as-new'];

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
