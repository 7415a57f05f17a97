import { randomUUID } from 'node:crypto';
import type { Submission } from '../storage/ledger';
import type { Full } from '../schedulers/scheduler';
import { PerdureError } from '../study/error';
import type { Refusal } from '../study/itinerary';
import { oneLine } from '../study/site-choice';
import type { AttemptProgress } from '../workflows/activity-types';
import type { Attempt, HandOverOf, SiteDependencies, SubmissionRecord } from './attempt';

export type Refused = Extract<AttemptProgress, { readonly kind: 'refused' }>;

/** What submitting an attempt consists of; each throws as a scheduler does. */
export interface Steps {
  /** What has to be there before; it submits nothing. */
  readonly prepare: () => Promise<void>;
  readonly submit: () => Promise<string | Full>;
}

type There = Pick<Attempt<unknown>, 'site' | 'key' | 'scheduler'>;
type By = HandOverOf<unknown>;

/**
 * Submits attempts of trials that have other sites, or gives them up so that they can go there. Never are two attempts of a trial
 * alive: one is given up only where it is certain that nothing of it was submitted, or after it was ended at its site. Whoever
 * submits leaves a token in the ledger first, so that a worker that was held up can't submit what another one gave up meanwhile.
 *
 * Where it ends: where a worker died between its token and the site's answer, or the answer was lost, and the site can't be asked,
 * nobody knows; then the attempt waits for its site.
 */
export class HandOver {
  constructor(private readonly deps: Pick<SiteDependencies, 'watch' | 'failpoint'>) {}

  async submit(there: There, by: By, { prepare, submit }: Steps): Promise<string | Refused> {
    const known = await by.find();
    if (known !== null && known.state !== 'begun') return this.giveUp(there, by, known);
    const token = randomUUID();
    let begun = false;
    try {
      await prepare();
      const claimed = await by.claim(token);
      if (claimed.state !== 'begun') return await this.giveUp(there, by, claimed);
      this.deps.failpoint('claimed');
      begun = true;
      const jobId = await submit();
      if (typeof jobId === 'string') return jobId;
      const full = { cause: 'full', why: jobId.full } as const;
      if (by.onlyRejected) throw new PerdureError('Unavailable', full.why, { where: `site ${there.site}` });
      return await this.giveUp(there, by, await by.withdraw(token, full, true));
    } catch (error) {
      const refusal = await this.refusalOf(there, by, error, begun);
      if (refusal === null || (by.onlyRejected && refusal.cause !== 'rejected')) throw error;
      const now = await by.withdraw(token, refusal, refusal.cause === 'rejected');
      // Somebody else may have submitted it.
      if (now.state === 'begun') throw error;
      return this.giveUp(there, by, now);
    }
  }

  /**
   * Submits an attempt that has no other site. Keeps a record as long as anything may have been submitted, so that a cancel needs the site
   * only then.
   */
  async submitRecorded(
    site: string,
    by: SubmissionRecord<unknown>,
    submit: () => Promise<string | Full>,
  ): Promise<string | Full> {
    const token = randomUUID();
    const isOnlySubmitter = await by.begin(token);
    if (isOnlySubmitter === null)
      throw new PerdureError('Unavailable', 'it was cancelled', { where: `site ${site}` });
    const release = async (): Promise<void> => {
      // Another worker may still be submitting it.
      if (isOnlySubmitter) await by.release(token);
    };
    try {
      const jobId = await submit();
      if (typeof jobId !== 'string') await release();
      return jobId;
    } catch (error) {
      if (error instanceof PerdureError && (error.nothingDone || error.kind === 'SubmitRejected'))
        await release();
      throw error;
    }
  }

  /** Sees to it that an attempt which nobody has submitted never is. @returns `false` where somebody may have */
  async giveUpBefore(by: Pick<By, 'withdraw'>): Promise<boolean> {
    const refusal = { cause: 'down', why: 'cancelled before its submission' } as const;
    const { state } = await by.withdraw(randomUUID(), refusal, false);
    return state === 'withdrawn';
  }

  /** Whether the trial may go elsewhere after this; `null`: it may not, or not yet. */
  private async refusalOf({ site }: There, by: By, error: unknown, begun: boolean): Promise<Refusal | null> {
    if (!(error instanceof PerdureError)) return null;
    switch (error.kind) {
      case 'SubmitRejected':
        by.rejected(oneLine(error.message));
        return { cause: 'rejected', why: error.text };
      case 'LoginRequired':
        // Another worker that has the login takes this attempt as soon as it is tried again.
        return (await this.deps.watch.elsewhere(site)) ? null : { cause: 'login', why: error.text };
      case 'Unavailable':
        return !begun || error.nothingDone ? { cause: 'down', why: error.text } : null;
      default:
        return null;
    }
  }

  /** Answers that the attempt is given up, after whatever somebody submitted of it was ended. */
  private async giveUp({ site, key, scheduler }: There, by: By, now: Submission): Promise<Refused> {
    const { cause, why } = now.refusal ?? { cause: 'down', why: `${site} did not take it` };
    if (now.state === 'withdrawing') {
      await scheduler.cancel(key, 'cancelled', `the trial goes to another site: ${oneLine(why)}`);
      await by.settle();
    }
    this.deps.failpoint('given-up');
    return { kind: 'refused', cause, why };
  }
}
