import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PerdureError } from '../../study/error';
import { plainLine } from '../../study/plain-text';
import { tailOf } from '../job-result';
import {
  failureText,
  judgePreparation,
  preparationHash,
  preparedPath,
  type PreparationProgress,
  type PreparationRequest,
  type PreparationVerdict,
} from '../preparation';
import type { StopReason } from '../scheduler';
import { factsOf, stopText, type Facts } from './attempt-view';
import { preparationJobName } from './job-name';
import { preparationScript } from './preparation-script';
import { lineOf, type Answer } from './site-answer';
import { siteClock, timeLine } from './site-clock';
import { words, type SiteShell } from './site-shell';
import type { Shim } from './shim';
import type { Staging } from './staging';

/** How long a submission whose end is not known may take to show up (seconds). */
const submitGrace = 60;
/** How long an ended preparation may take to be gone, before its end is begun again (milliseconds). */
const patience = 90_000;
/** How often one is looked at, at most and at least (milliseconds). */
const glances = { least: 500, most: 15_000 };

const functions = readFileSync(resolve(__dirname, '..', '..', '..', 'trial', 'pbs_prepare.sh'), 'utf8');

/** A site, as far as what is prepared there has to know it. */
export interface PreparedSite {
  /** Its name in the settings. */
  readonly site: string;
  /** Absolute, at the site. */
  readonly workingDir: string;
  readonly workerInit: string;
  /** Milliseconds between two looks. */
  readonly pollInterval: number;
}

/** How a preparation is made as a job of the site's scheduler. */
export interface PreparationJobs {
  /** Jobs queued or running at once. */
  readonly most: number | null;
  /** The job's script. */
  script(shim: Shim, name: string, hash: string): string;
  /** What has become of it. @throws `SubmitRejected`, `Unavailable`, `LoginRequired` */
  judge(hash: string, answer: Answer, facts: Facts): Promise<PreparationVerdict>;
  /** @throws `Unavailable` where its job could not be deleted */
  checkDeleted(answer: Answer): void;
}

/** A preparation at this site. */
interface Prepared {
  readonly request: PreparationRequest;
  readonly hash: string;
  readonly path: string;
}

/**
 * What studies want prepared at a site: on a login node, detached from the connection, or as a job. Either way the wrapper's
 * fence lets one run, a file says how it ended, and whoever comes later, by whichever login node, goes on from there.
 */
export class Preparations {
  constructor(
    private readonly site: PreparedSite,
    private readonly shell: SiteShell,
    private readonly staging: Staging,
    /** `null`: everything is made on the login node. */
    private readonly jobs: PreparationJobs | null,
  ) {}

  async prepare(request: PreparationRequest): Promise<PreparationProgress> {
    const prepared = this.prepared(request);
    const { answer, verdict } = await this.look(prepared, true);
    if (verdict.kind === 'done') return { state: 'done' };
    if (verdict.kind === 'open') {
      const { note, startedAt } = verdict;
      // Both times are of whole seconds.
      if (startedAt !== null && Date.now() - startedAt.getTime() > request.preparation.timeout + 1000) {
        await this.stop(prepared, 'timeout');
      }
      const { least, most } = glances;
      return { state: 'open', note, again: Math.min(most, Math.max(least, this.site.pollInterval)) };
    }
    const run = lineOf(answer, 'run') ?? '';
    const told = await this.ask(
      (number) => `fail_preparation ${words(number, prepared.path, run, wordsOf(verdict))}`,
    );
    const known = verdictOf(lineOf(told, 'verdict')) ?? verdict;
    if (known.kind === 'lost') return { state: 'lost', why: known.why };
    return { state: 'failed', why: failureText(known.why, this.log(prepared), outputOf(told)) };
  }

  async abandon(request: PreparationRequest): Promise<void> {
    const prepared = this.prepared(request);
    const { path } = prepared;
    const left = await this.ask((number) => `leave_preparation ${words(number, path, request.asker)}`);
    if (lineOf(left, 'alone') === undefined) return;
    const until = Date.now() + patience;
    for (let wait = 300; ; wait = Math.min(2 * wait, 3000)) {
      await this.stop(prepared, 'cancelled', 'it was stopped by a person');
      const { verdict } = await this.look(prepared, false);
      if (verdict.kind !== 'open') {
        const run = lineOf(left, 'run') ?? '';
        if (verdict.kind !== 'done') {
          await this.ask((number) => `fail_preparation ${words(number, path, run, wordsOf(verdict))}`);
        }
        return;
      }
      if (Date.now() > until)
        throw new PerdureError('Unavailable', 'the preparation has not ended yet', { where: this.where });
      await sleep(wait);
    }
  }

  private get where(): string {
    return `site ${this.site.site}`;
  }

  private prepared(request: PreparationRequest): Prepared {
    const hash = preparationHash(request, this.site.workerInit);
    return { request, hash, path: preparedPath(hash) };
  }

  private log({ path }: Prepared): string {
    return `${this.site.workingDir}/${path}/output.log`;
  }

  /** @param begin whether it is to be begun where it is not there */
  private async look(
    prepared: Prepared,
    begin: boolean,
  ): Promise<{ answer: Answer; verdict: PreparationVerdict }> {
    const { request, path } = prepared;
    await this.staging.shimReady();
    if (begin) for (const { sha256 } of request.trial.files) await this.staging.fileReady(sha256, request);
    const answer = await this.ask((number) =>
      [
        ...(begin ? [this.beginLines(prepared, number)] : []),
        timeLine(number),
        `if [ -d ${words(`${path}/.perdure`)} ]; then follow_preparation ${words(number, path, this.wrapperOf(request), this.jobs?.most ?? '-', submitGrace)}; fi`,
      ].join('\n'),
    );
    const why = lineOf(answer, 'unstaged');
    if (why !== undefined) {
      // Somebody has cleaned the site since.
      this.staging.forget();
      throw new PerdureError('Unavailable', `the study's files could not be put in place: ${why}`, {
        where: this.where,
      });
    }
    const failed = verdictOf(lineOf(answer, 'verdict'));
    return { answer, verdict: failed ?? (await this.judge(prepared, answer)) };
  }

  private beginLines({ request, hash, path }: Prepared, number: string): string {
    const run = randomUUID();
    // Each run has a name of its own, lest a job of an earlier one be taken for it.
    const name = preparationJobName(this.site.workingDir, `${path}/${run}`);
    return [
      `if begin_preparation ${words(number, path, request.asker, run)}; then`,
      ...this.staging.fileLines(request.trial.files),
      `put_text .perdure/prepare.sh ${words(request.preparation.script)}`,
      `put_text .perdure/run.sh ${words(preparationScript(this.site, hash, request))}`,
      ...(this.jobs === null
        ? []
        : [`put_text .perdure/job.sh ${words(this.jobs.script(this.staging.shim, name, hash))}`]),
      `put_text .perdure/name ${words(`${name}\n`)}`,
      `end_attempt ${words(number, path)}`,
      'fi',
    ].join('\n');
  }

  private async judge({ request, hash }: Prepared, answer: Answer): Promise<PreparationVerdict> {
    if (lineOf(answer, 'looked') === undefined) {
      if (lineOf(answer, 'gone') !== undefined)
        return { kind: 'open', note: 'it is begun anew', startedAt: null };
      throw new PerdureError('Unavailable', 'the preparation could not be looked at', { where: this.where });
    }
    const facts = factsOf(answer, siteClock(answer) ?? 0);
    const jobs = this.jobsFor(request);
    if (jobs === null) return this.judgeHere(answer, facts);
    return jobs.judge(hash, answer, facts);
  }

  /** Nobody but the login node itself knows of it. */
  private judgeHere(answer: Answer, facts: Facts): PreparationVerdict {
    const { status, stop, owner } = facts;
    const stopped = (): PreparationVerdict | null =>
      stop === null
        ? null
        : judgePreparation({
            state: 'ended',
            end: { how: 'stopped', ...stop },
            startedAt: new Date(),
            endedAt: new Date(),
          });
    if (status !== null) {
      const asked = status.stopped ? stopped() : null;
      if (asked !== null) return asked;
      // The word of the wrapper, not of the program that it ran.
      if (lineOf(answer, 'status')?.includes(' signalled') === true)
        return { kind: 'lost', why: 'somebody ended it on its login node by a signal' };
      return judgePreparation({
        state: 'ended',
        end: { how: 'exited', status: status.code },
        startedAt: new Date(),
        endedAt: new Date(),
      });
    }
    if (lineOf(answer, 'dead') !== undefined) {
      const where = owner === null ? 'its login node' : owner.host;
      return stopped() ?? { kind: 'lost', why: `its process on ${where} is gone and left no exit status` };
    }
    return {
      kind: 'open',
      note: owner === null ? 'it begins' : `it runs on ${owner.host}`,
      startedAt: owner?.startedAt ?? null,
    };
  }

  private async stop({ path, request }: Prepared, reason: StopReason, why?: string): Promise<void> {
    const text = stopText(reason, why).trimEnd();
    const answer = await this.ask(
      (number) => `stop_preparation ${words(number, path, this.wrapperOf(request), text)}`,
    );
    this.jobsFor(request)?.checkDeleted(answer);
  }

  /** The wrapper that begins it on the login node; `-` for a job. */
  private wrapperOf(request: PreparationRequest): string {
    return this.jobsFor(request) === null
      ? `${this.site.workingDir}/${this.staging.shim.path}/wrapper.sh`
      : '-';
  }

  /** `null` where it is made on the login node. */
  private jobsFor({ preparation }: PreparationRequest): PreparationJobs | null {
    return preparation.in === 'login' ? null : this.jobs;
  }

  private async ask(lines: (number: string) => string): Promise<Answer> {
    return this.shell.ask({
      lines: (number) => `${functions}\n${lines(number)}`,
      timeoutMs: 130_000,
      counts: this.jobs?.most != null,
    });
  }
}

/** The line of a verdict: its kind and why. */
function wordsOf({ kind, why }: Extract<PreparationVerdict, { kind: 'failed' | 'lost' }>): string {
  return `${kind} ${plainLine(why)}`;
}

function verdictOf(
  line: string | undefined,
): Extract<PreparationVerdict, { kind: 'failed' | 'lost' }> | null {
  const [, kind, why = ''] = /^(failed|lost) (.*)$/.exec(line ?? '') ?? [];
  return kind === 'failed' || kind === 'lost' ? { kind, why } : null;
}

/** What PBS itself caught matters where the preparation never came to print anything. */
function outputOf(answer: Answer): string {
  const own = tailOf(answer.data.get('tail') ?? new Uint8Array());
  return own === '' ? tailOf(answer.data.get('job-output') ?? new Uint8Array()) : own;
}
