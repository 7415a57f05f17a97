import { setTimeout as sleep } from 'node:timers/promises';
import type { PreparationProgress, PreparationRequest } from '../schedulers/preparation';
import { PerdureError } from '../study/error';
import { studySecrets } from '../study/spec';
import type { PreparationEnd, PreparationRef } from '../workflows/activity-types';
import { schedulerOf, type SiteDependencies } from './attempt';
import { pending } from './boundary';
import type { TrialAttempt } from './trial-attempt';

/** How long one look at a preparation lasts at most (milliseconds). */
const longest = 10_000;
/** What is looked at more seldom is left to the retry (milliseconds). */
const shortPause = 1000;

/** Prepares sites for studies, and sees to it that no trial begins at one that is not. */
export class SitePreparer {
  /** Sites that were found prepared, by study and version. */
  private readonly ready = new Set<string>();
  /** Which run attempts ask for that wait and have lost one. The site knows the askers of its newest run only. */
  private readonly runs = new Map<string, number>();

  constructor(private readonly deps: SiteDependencies) {}

  /**
   * Begins it or goes on with it.
   * @param answered called when the site has told how far it is
   * @throws `JobPending` while it is not over
   */
  async prepare(
    ref: PreparationRef,
    signal: AbortSignal,
    answered: () => Promise<void>,
  ): Promise<PreparationEnd> {
    const { failpoint, hostOf } = this.deps;
    const request = await this.request(ref);
    if (request === null) return { kind: 'prepared' };
    const scheduler = schedulerOf(this.deps, ref.site);
    const host = hostOf(ref.site);
    const until = Date.now() + longest;
    for (;;) {
      failpoint('before-prepare');
      const progress = await scheduler.prepare(request);
      failpoint('after-prepare');
      await answered();
      if (progress.state !== 'open') return endOf(progress);
      // Bound to the host that has begun it.
      if (host !== null && ref.host === null) return { kind: 'begun', host };
      const { again, note } = progress;
      if (again > shortPause || Date.now() > until || signal.aborted) {
        throw pending(`${ref.site} is being prepared: ${note}`, again);
      }
      await sleep(again, undefined, { signal }).catch(() => undefined);
    }
  }

  async abandon(ref: PreparationRef): Promise<void> {
    const request = await this.request(ref);
    if (request !== null) await schedulerOf(this.deps, ref.site).abandonPreparation(request);
  }

  /**
   * A study prepares its first site before its first trial; this is for what comes elsewhere: a trial on another host, or at
   * a site that was cleaned. Lost ones are begun again, as often as lost trials are.
   * @throws `JobPending` while it is not over, `SubmitRejected` where it failed, or was lost too often
   */
  async beReadyFor({
    ref,
    key,
    context,
    scheduler,
  }: Pick<TrialAttempt, 'ref' | 'key' | 'context' | 'scheduler'>): Promise<void> {
    if (context.spec.prepare === undefined) return;
    const name = `${ref.study.uuid}/${String(context.specVersion)}/${ref.site}`;
    if (this.ready.has(name)) return;
    const attempt = `${key.studyKey}.${String(key.number)}.${String(key.attempt)}`;
    for (let run = this.runs.get(attempt) ?? 0; ; run++) {
      if (run > 0) this.runs.set(attempt, run);
      const asker = run === 0 ? attempt : `${attempt}.${String(run)}`;
      const request = await this.request({ ...ref, host: null, asker });
      if (request === null) return;
      const progress = await scheduler.prepare(request);
      if (progress.state === 'open')
        throw pending(`${ref.site} is being prepared: ${progress.note}`, Math.max(500, progress.again));
      if (progress.state === 'lost' && run < context.spec.trial.retries) continue;
      this.runs.delete(attempt);
      if (progress.state === 'done') break;
      throw new PerdureError('SubmitRejected', `the preparation failed: ${progress.why}`, {
        where: `site ${ref.site}`,
      });
    }
    this.ready.add(name);
  }

  private async request({ study, asker }: PreparationRef): Promise<PreparationRequest | null> {
    const { spec } = await this.deps.contexts.get(study);
    const { prepare, trial } = spec;
    if (prepare === undefined) return null;
    return {
      preparation: prepare,
      trial,
      secrets: studySecrets(spec),
      readFile: (sha256) => this.deps.ledger.getFile(sha256),
      asker,
    };
  }
}

function endOf(progress: Exclude<PreparationProgress, { state: 'open' }>): PreparationEnd {
  switch (progress.state) {
    case 'done':
      return { kind: 'prepared' };
    case 'failed':
    case 'lost':
      return { kind: progress.state, why: progress.why };
  }
}
