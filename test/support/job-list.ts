import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JobReport } from '../../src/client/batch-handle';
import type { LoadedJobs } from '../../src/config';
import { loadJobs } from '../../src/config';
import type { Installation } from './installation';

/** A list of jobs that each write their number into one log, wait where they are held, and give it as their result, or fail. */
export class JobList {
  private readonly log: string;
  private readonly gate: string;

  /**
   * @param folder where jobs may write
   * @param fails whether the job of this number fails
   */
  constructor(
    private readonly installation: Installation,
    folder: string,
    readonly count: number,
    private readonly fails: (number: number) => boolean = () => false,
  ) {
    this.log = join(folder, 'began.log');
    this.gate = join(folder, 'gate');
    this.release();
  }

  load(): Promise<LoadedJobs> {
    const lines = this.numbers.map((i) => {
      const rest = this.fails(i) ? 'exit 3' : `echo ${String(i)} >"$PERDURE_RESULT"`;
      const wait = 'while [ ! -e "$GATE" ]; do sleep 0.1; done';
      const command = ['sh', '-c', `echo ${String(i)} >>"$LOG"; ${wait}; ${rest}`];
      const env = { LOG: this.log, GATE: this.gate };
      return JSON.stringify({ job_id: `j${String(i)}`, command, env });
    });
    return loadJobs(this.installation.write('jobs.jsonl', lines.join('\n')));
  }

  /** Jobs that run go on, until {@link release}. */
  hold(): void {
    rmSync(this.gate);
  }

  release(): void {
    writeFileSync(this.gate, '');
  }

  /** Numbers of the jobs that have begun, in that order; one that began twice is there twice. */
  began(): readonly number[] {
    return existsSync(this.log) ? readFileSync(this.log, 'utf8').split('\n').slice(0, -1).map(Number) : [];
  }

  /** What is wrong once all have ended: a job that did not begin once, or ended as another than it was. */
  problems(reports: readonly JobReport[]): readonly string[] {
    const began = new Map<number, number>();
    for (const number of this.began()) began.set(number, (began.get(number) ?? 0) + 1);
    const ends = new Map(reports.map((report) => [report.job_id, report]));
    return this.numbers.flatMap((i) => {
      const times = began.get(i) ?? 0;
      const end = ends.get(`j${String(i)}`);
      const right = this.fails(i) ? end?.state === 'FAIL' : end?.state === 'COMPLETE' && end.result === i;
      return [
        ...(times === 1 ? [] : [`job ${String(i)} began ${String(times)} times`]),
        ...(right ? [] : [`job ${String(i)} ended as ${JSON.stringify(end)}`]),
      ];
    });
  }

  private get numbers(): readonly number[] {
    return Array.from({ length: this.count }, (_, i) => i);
  }
}
