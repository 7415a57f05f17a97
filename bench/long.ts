/*
 * A long study of trials that do nothing, to its end: events of each run, the worker's memory on the way, and what a trial
 * leaves in the ledger and in Temporal's history. Run: npm run bench:long [TRIALS]
 */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openStudy } from '../src/client/start-study';
import { readStudy } from '../src/config';
import { defaultTimes } from '../src/config/times';
import { Installation } from '../test/support/installation';
import { pidOf, residentMegabytes } from './process-figures';

const parallel = 16;

async function main(): Promise<void> {
  const trials = Number(process.argv[2] ?? 10_000);
  const installation = new Installation({ slots: parallel, times: defaultTimes });
  try {
    await installation.must('up');
    const ledger = join(installation.home, 'ledger.db');
    const session = await installation.session();
    const empty = bytesOf(ledger);
    const study = await readStudy(
      {
        name: 'long',
        objective: { metric: 'value', direction: 'minimize' },
        space: { x: { type: 'float', low: 0, high: 1 }, c: { type: 'categorical', choices: ['a', 'b'] } },
        sampler: { type: 'tpe', seed: 1 },
        trial: { command: ['sh', '-c', 'echo "$1" >"$PERDURE_RESULT"', 'sh', '{x}'] },
        budget: { trials, parallel },
      },
      { where: 'bench', directory: installation.folder },
    );
    const from = performance.now();
    const { handle } = await openStudy(session, study);
    const memory: number[] = [];
    for (;;) {
      const { state, trials: counts } = await handle.status();
      const done = counts.complete + counts.failed;
      if (done >= ((memory.length + 1) * trials) / 10) {
        memory.push(Math.round(residentMegabytes(pidOf(installation, 'worker'))));
        console.log(
          `${String(done).padStart(6)} trials, ${seconds(from)} s, worker ${String(memory.at(-1))} MB`,
        );
      }
      if (state !== 'running') break;
      await sleep(500);
    }
    const { trials: counts } = await handle.status();
    if (counts.complete !== trials)
      throw new Error(`only ${String(counts.complete)} of ${String(trials)} are complete`);
    const client = await session.client();
    const runs: { events: number; bytes: number }[] = [];
    for await (const run of client.workflow.list({ query: `WorkflowId = '${handle.workflowId}'` })) {
      runs.push({ events: run.historyLength, bytes: run.historySize ?? 0 });
    }
    const child = await client.workflow.getHandle(`${handle.workflowId}/${String(trials - 1)}`).describe();
    const own = runs.reduce((sum, { bytes }) => sum + bytes, 0) / trials;
    console.log(
      `\n${String(trials)} trials in ${seconds(from)} s: ${(trials / Number(seconds(from))).toFixed(1)} a second`,
    );
    console.log(
      `runs of the study      ${String(runs.length)}, at most ${String(Math.max(...runs.map(({ events }) => events)))} events`,
    );
    console.log(
      `history a trial        ${own.toFixed(0)} bytes in the study, ${String(child.historySize ?? 0)} of its own`,
    );
    console.log(`ledger a trial         ${((bytesOf(ledger) - empty) / trials).toFixed(0)} bytes`);
    console.log(`worker's memory        ${memory.map(String).join(' ')} MB`);
    await session.close();
  } finally {
    await installation.must('down').catch(() => undefined);
    await installation.destroy();
  }
}

function seconds(from: number): string {
  return ((performance.now() - from) / 1000).toFixed(1);
}

function bytesOf(database: string): number {
  return ['', '-wal'].reduce(
    (sum, end) => sum + (statSync(database + end, { throwIfNoEntry: false })?.size ?? 0),
    0,
  );
}

void main();
