import { log, proxyActivities, setCurrentDetails, sleep, upsertSearchAttributes } from '@temporalio/workflow';
import { Itinerary } from '../study/itinerary';
import { searchAttributes } from '../study/search-attributes';
import type { AttemptProgress, AttemptRef, StudyActivities, TrialFailure } from './activity-types';
import { boundary, observing } from './retry';
import type { TrialInput } from './study-input';

/** The way of a trial over several sites: where each attempt is made, and why. */
export class Route {
  private readonly way: Itinerary;
  private why_ = '';

  constructor(private readonly input: TrialInput) {
    this.way = new Itinerary(input);
  }

  /** Why the present attempt is where it is; empty where there is nothing to say. */
  get why(): string {
    return this.why_;
  }

  /** Where the next attempt is made; waits for a site that takes it. `null`: nowhere any more. */
  async place(attempt: number): Promise<AttemptRef | null> {
    const next = this.way.next();
    if (next.kind === 'nowhere') return null;
    const { study, number, cacheKey } = this.input;
    const kept = cacheKey === undefined ? {} : { cacheKey };
    if (next.kind === 'choose') {
      const { site, why } = await this.choose(attempt, next.sites);
      this.went(attempt, site, why);
      return { study, number, attempt, site, handOver: 'always', ...kept };
    }
    const { site, checkpoint, others } = next;
    const { before } = this.way;
    this.went(attempt, site, before === null || before.site === site ? '' : `${before.site} ${before.why}`);
    if (this.why_ !== '')
      await proxyActivities<StudyActivities>(boundary).noteSites(study, number, this.way.changes);
    return {
      study,
      number,
      attempt,
      site,
      ...(checkpoint && others ? { handOver: 'rejected' } : {}),
      ...kept,
    };
  }

  begun(): void {
    this.way.begun();
  }

  lost({ site }: AttemptRef, end: Extract<AttemptProgress, { kind: 'lost' }>): void {
    this.way.lost(site, end.why, end);
  }

  refused({ site, attempt }: AttemptRef, end: Extract<AttemptProgress, { kind: 'refused' }>): void {
    log.warn('a site did not take an attempt', { attempt, site, why: end.why });
    this.way.refused(site, end);
  }

  /** What is said where no site is left, or the last one rejects the trial. */
  failure(last?: { readonly site: string; readonly why: string }): TrialFailure {
    return this.way.verdict(last);
  }

  /** The present attempt's line, and one for each change of site. */
  described(line: string): string {
    const changes = this.way.changes.map(
      ({ attempt, site, why }) => `- attempt ${String(attempt)} at ${site}: ${why}`,
    );
    return changes.length === 0 ? line : [line, '', ...changes].join('\n');
  }

  private async choose(
    attempt: number,
    sites: readonly string[],
  ): Promise<{ readonly site: string; readonly why: string }> {
    const { study, number, spread = false, preferred } = this.input;
    const { before, changes, pause, refusedBy } = this.way;
    if (pause > 0) await sleep(pause);
    setCurrentDetails(this.described(`attempt ${String(attempt)} waits for a site that takes it`));
    const summary = `a site for attempt ${String(attempt)}`;
    return proxyActivities<StudyActivities>({ ...observing, summary }).chooseSite({
      ...{ study, number, attempt, sites, spread, before, changes },
      ...(preferred === undefined ? {} : { preferred }),
      ...(refusedBy.length === 0 ? {} : { refusedBy }),
    });
  }

  private went(attempt: number, site: string, why: string): void {
    this.why_ = why;
    if (why !== '') {
      log.info('a trial changes its site', { attempt, site, why });
      this.way.changed({ attempt, site, why });
    }
    if (attempt > 1 || site !== this.input.sites[0])
      upsertSearchAttributes([{ key: searchAttributes.site, value: site }]);
  }
}
