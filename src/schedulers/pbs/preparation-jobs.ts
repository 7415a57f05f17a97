import { quote } from '../../transports/quote';
import { PerdureError } from '../../study/error';
import { preparationKey } from '../job-key';
import { judgePreparation, preparedPath, type PreparationVerdict } from '../preparation';
import { filesOf, type Facts } from '../remote/attempt-view';
import type { PreparationJobs } from '../remote/preparations';
import type { Shim } from '../remote/shim';
import { lineOf, textOf, type Answer } from '../remote/site-answer';
import { readDeletion } from './command-answer';
import { attemptState, type AttemptState } from '../../sites/attempt-state';
import { jobScript } from './job-script';
import type { Observer } from './observer';
import type { PbsSite } from './pbs-site';
import { fullIn, refusalIn } from './refusal';

/** Preparations as jobs of PBS, listed with the others. */
export class PbsPreparationJobs implements PreparationJobs {
  constructor(
    private readonly site: PbsSite,
    private readonly observer: Observer,
  ) {}

  get most(): number | null {
    return this.site.maxJobs;
  }

  script(shim: Shim, name: string, hash: string): string {
    return preparationJob(this.site, shim, name, hash);
  }

  async judge(hash: string, answer: Answer, facts: Facts): Promise<PreparationVerdict> {
    // A preparation has no result but its exit status.
    if (facts.status?.code === 0 && !facts.status.doubtful)
      return judgePreparation(known(withoutReport({ ...facts, hasResult: true })));
    const refused = this.noJobYet(answer);
    if (refused !== null) return refused;
    const key = preparationKey(hash);
    const jobId = lineOf(answer, 'job') ?? lineOf(answer, 'jobid');
    if (jobId === undefined) return judgePreparation(known(withoutReport(facts)));
    this.observer.submitted(key, jobId);
    const seen = await this.observer.observe(key);
    if (seen.state !== 'unknown' || this.observer.trouble === null) return judgePreparation(known(seen));
    const hint = `perdure login ${this.site.site}`;
    if (seen.login === true) throw new PerdureError('LoginRequired', seen.why, { hint });
    throw new PerdureError('Unavailable', seen.why, { where: this.where });
  }

  checkDeleted(answer: Answer): void {
    const said = readDeletion({
      status: Number(lineOf(answer, 'deleted') ?? 255),
      stderr: textOf(answer, 'qdel'),
    });
    if (said.kind === 'done') return;
    throw new PerdureError(
      'Unavailable',
      `its job could not be deleted: ${'message' in said ? said.message : ''}`,
      { where: this.where },
    );
  }

  private get where(): string {
    return `site ${this.site.site}`;
  }

  /** Why there is no job yet. @throws `SubmitRejected`, `Unavailable` */
  private noJobYet(answer: Answer): PreparationVerdict | null {
    const full = fullIn(answer, this.most);
    if (full !== null) return { kind: 'open', note: full, startedAt: null };
    if (lineOf(answer, 'wait') !== undefined) {
      return {
        kind: 'open',
        note: 'its submission was begun, and its job has not shown up yet',
        startedAt: null,
      };
    }
    if (lineOf(answer, 'refused') === undefined) return null;
    throw refusalIn(answer, this.site.site);
  }
}

/** The PBS job of a preparation. */
function preparationJob(site: PbsSite, shim: Shim, name: string, hash: string): string {
  const directory = `${site.workingDir}/${preparedPath(hash)}`;
  const program = ['/bin/bash', '-l', `${directory}/.perdure/run.sh`].map(quote).join(' ');
  return jobScript(site, { name, nodes: 1 }, [
    `exec /bin/sh ${quote(`${site.workingDir}/${shim.path}/wrapper.sh`)} --leave-group ${quote(directory)} ${program}`,
  ]);
}

type Known = Exclude<AttemptState, { state: 'unknown' }>;

/** The state by its files alone. */
function withoutReport(facts: Facts): AttemptState {
  const seenAt = performance.now();
  return attemptState(filesOf(facts, { seenAt, firstSeenAt: seenAt }), null, { scheduler: 'PBS', grace: 0 });
}

/** A preparation is lost without a tombstone: each run has a name of its own, and a late one does no harm. */
function known(seen: AttemptState): Known {
  if (seen.state !== 'unknown') return seen;
  return seen.loss === undefined ? { state: 'waiting', note: seen.why } : { state: 'lost', ...seen.loss };
}
