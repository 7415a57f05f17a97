import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { PerdureError } from '../../study/error';
import {
  failureText,
  judgePreparation,
  preparationHash,
  preparedPath,
  type PreparationProgress,
  type PreparationRequest,
  type PreparationVerdict,
} from '../preparation';
import { endJob } from './end-job';
import { isTaken, JobDirectory } from './job-directory';
import { readOutput } from './job-output';
import type { Launcher } from './launcher';
import { stageFiles, startProgram, studyEnvironment } from './start-job';

/** How often a preparation is looked at (milliseconds). */
const glance = 200;
/** How often it is begun anew in one call: once for each other asker that is faster. */
const tries = 5;

/**
 * What studies want prepared on this machine, each in a directory of its own, which trials find by `PERDURE_PREPARED_DIR`. It
 * runs as a job does: detached, behind the wrapper's fence, so once. A run that came to nothing is moved aside when somebody
 * asks anew; its output stays there.
 */
export class LocalPreparations {
  constructor(
    private readonly workingDir: string,
    private readonly launcher: Launcher,
  ) {}

  async prepare(request: PreparationRequest): Promise<PreparationProgress> {
    for (let i = 0; i < tries; i++) {
      const job = this.directory(request);
      if (!job.exists) await this.stage(job, request);
      if (!job.hasBegun()) await this.begin(job, request);
      const verdict = await this.look(job, request);
      if (verdict.kind === 'done') return { state: 'done' };
      const waited = existsSync(askerFile(job, request));
      if (verdict.kind === 'open') {
        if (!waited) writeFileSync(askerFile(job, request), '');
        return { state: 'open', note: verdict.note, again: glance };
      }
      if (waited) return this.toldWith(job, verdict);
      moveAside(job);
    }
    return { state: 'open', note: 'others have just begun it anew', again: glance };
  }

  async abandon(request: PreparationRequest): Promise<void> {
    const job = this.directory(request);
    if (!job.exists) return;
    rmSync(askerFile(job, request), { force: true });
    if (readdirSync(job.file('asked')).length > 0) return;
    await endJob(job, 'cancelled', 'it was stopped by a person');
  }

  private async stage(
    job: JobDirectory,
    { trial, preparation, readFile, asker }: PreparationRequest,
  ): Promise<void> {
    await mkdir(dirname(job.path), { recursive: true });
    const own = {
      // A job is staged once its parameters are there; this one has none.
      'params.json': '{}',
      'prepare.sh': preparation.script,
      run: randomUUID(),
      [`asked/${asker}`]: '',
    };
    await stageFiles(this.workingDir, job, { files: trial.files, readFile, own });
  }

  private async begin(job: JobDirectory, request: PreparationRequest): Promise<void> {
    job.awaitStart();
    await startProgram(this.launcher, job, ['bash', job.file('prepare.sh')], {
      ...studyEnvironment(request),
      PERDURE_PREPARED_DIR: job.path,
    });
  }

  /** How far it is; ends it where its time is used up. */
  private async look(job: JobDirectory, { preparation }: PreparationRequest): Promise<PreparationVerdict> {
    const seen = observe(job);
    const { timeout } = preparation;
    if (seen.kind !== 'open' || seen.startedAt === null) return seen;
    if (Date.now() - seen.startedAt.getTime() - job.sleptMs() < timeout) return seen;
    await endJob(job, 'timeout');
    return observe(job);
  }

  private async toldWith(
    job: JobDirectory,
    { kind, why }: Extract<PreparationVerdict, { kind: 'failed' | 'lost' }>,
  ): Promise<PreparationProgress> {
    if (kind === 'lost') return { state: 'lost', why };
    const { tail } = await readOutput(job);
    return { state: 'failed', why: failureText(why, job.log, tail) };
  }

  private directory(request: PreparationRequest): JobDirectory {
    // There is no set-up of a local site's own.
    return new JobDirectory(join(this.workingDir, preparedPath(preparationHash(request, ''))));
  }
}

function observe(job: JobDirectory): PreparationVerdict {
  const seen = job.observe();
  if (seen.state !== 'unknown') return judgePreparation(seen);
  throw new PerdureError('Unavailable', seen.why, { where: job.path });
}

function askerFile(job: JobDirectory, { asker }: PreparationRequest): string {
  return join(job.file('asked'), asker);
}

/** Only one can: the name is that of this run, so a later run of the same directory can't be moved by whoever comes late. */
function moveAside(job: JobDirectory): void {
  try {
    renameSync(job.path, `${job.path}.failed-${readFileSync(job.file('run'), 'utf8').trim()}`);
  } catch (error) {
    if (!isTaken(error) && (error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
