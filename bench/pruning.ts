/*
 * The CPU time that pruning takes in a worker. All trials run at once and have reports in the ledger; each reports once a minute and is
 * observed every ten seconds. Prints the CPU seconds of one minute. The ledger is SQLite; there is no site and no Temporal server. Run: npm run bench:pruning [TRIALS [REPORTS [median|hyperband]]]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openLedger } from '../src/storage';
import type { StudySpec } from '../src/study/spec';
import { ReportingStudy } from '../test/support/reporting-study';

const pruners: Readonly<Record<string, StudySpec['pruner']>> = {
  median: { type: 'median', n_startup_trials: 5, n_warmup_steps: 0, interval_steps: 1, n_min_trials: 1 },
  hyperband: { type: 'hyperband', min_resource: 1, max_resource: 1000, reduction_factor: 3 },
};
/** Trials that are COMPLETE, for the pruner to compare with. */
const complete = 20;
const minute = 60_000;
const looksPerMinute = 6;
/** The target for the median pruner (CPU seconds a minute). */
const target = 2;

async function main(): Promise<void> {
  const [trials = 1000, reports = 100] = process.argv.slice(2, 4).map(Number);
  const name = process.argv[4] ?? 'median';
  const pruner = pruners[name];
  if (pruner === undefined) throw new Error(`no pruner '${name}': use ${Object.keys(pruners).join(' or ')}`);
  const folder = mkdtempSync(join(tmpdir(), 'perdure-pruning-'));
  const ledger = await openLedger(`sqlite:///${join(folder, 'ledger.db')}`);
  try {
    const study = await ReportingStudy.create(ledger, trials + complete, { pruner });
    const worker = study.worker();
    const numbers = Array.from({ length: trials }, (_, i) => complete + i);
    // All trials report the same value, so that none is pruned and the work stays the same.
    const values = Array.from({ length: reports }, () => 1);
    for (let number = 0; number < complete; number++) {
      study.report(number, ...values, 1, 1);
      await worker.end(number);
    }
    for (const number of numbers) {
      study.report(number, ...values);
      await (await worker.attempt(number)).takeReports(study.reports.get(number) ?? [], true);
    }
    const attempts = new Map<number, Awaited<ReturnType<typeof worker.attempt>>>();
    for (const number of numbers) attempts.set(number, await worker.attempt(number));
    // A worker reads all rows at first, and again every ten minutes.
    const first = process.cpuUsage();
    await attempts.get(complete)?.context.history.refresh();
    const { user: read } = process.cpuUsage(first);
    const before = process.cpuUsage();
    const from = performance.now();
    let slowest = 0;
    for (let look = 0; look < looksPerMinute * trials; look++) {
      const number = numbers[look % trials] ?? 0;
      const turn = Math.floor(look / trials);
      // A sixth of the trials reports in each round of looks.
      if (number % looksPerMinute === turn) study.report(number, 1);
      // Sleep once for ten observations, so that the timers of this program take little CPU time.
      const wait = from + (look * minute) / (looksPerMinute * trials) - performance.now();
      if (look % 10 === 0 && wait > 0) await sleep(wait);
      const began = performance.now();
      await attempts.get(number)?.takeReports(study.reports.get(number) ?? [], false);
      slowest = Math.max(slowest, performance.now() - began);
    }
    const { user, system } = process.cpuUsage(before);
    const minutes = (performance.now() - from) / minute;
    const seconds = (user + system) / 1e6 / minutes + read / 1e7;
    console.log(
      [
        `${String(trials)} running trials with ${String(reports)} reports, ${name}: ${seconds.toFixed(2)} CPU seconds a minute`,
        `user ${(user / 1e6 / minutes).toFixed(2)}, system ${(system / 1e6 / minutes).toFixed(2)}; slowest look ${slowest.toFixed(0)} ms`,
        `the full read of all rows: ${(read / 1e6).toFixed(2)} CPU seconds, once in ten minutes`,
        `${String(study.pruned.length)} trials were pruned`,
      ].join('\n'),
    );
    if (name === 'median' && seconds > target) process.exitCode = 1;
  } finally {
    await ledger.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

void main();
