import {
  ActivityCancellationType,
  ActivityFailure,
  CancellationScope,
  patched,
  proxyActivities,
  workflowInfo,
} from '@temporalio/workflow';
import type { StudyStateMachine } from '../study/study-state';
import { siteHostQueue, siteQueue } from '../study/task-queues';
import type {
  PreparationEnd,
  PreparationRef,
  SiteActivities,
  StudyActivities,
  StudyRef,
} from './activity-types';
import { nobodyAnswered, observing, reachable } from './retry';
import { messageOf } from '../study/error';

/**
 * What a study wants done at a site before its first trial: the first of its sites that takes trials; where it fails there, the
 * next one. A failure at the last one ends the study. The end of the study ends what is under way; a pause does not.
 */
export class SitePreparation {
  private readonly life = new CancellationScope();
  private host: string | null = null;
  private asker = '';

  constructor(
    private readonly ref: StudyRef,
    private readonly state: StudyStateMachine,
    private readonly wake: () => void,
  ) {}

  /** Begins it, where there is anything to prepare; the study proposes nothing meanwhile. */
  start(): void {
    const [site] = this.state.spec.sites;
    if (this.state.spec.prepare === undefined || site === undefined || this.state.ending !== null) return;
    const { sites } = this.state.spec;
    // Studies of earlier versions knew their first site only.
    const all = sites.length > 1 && patched('several-sites') ? sites : [site];
    this.state.beginPreparing(site);
    // It has to be ended, also when the study is cancelled.
    CancellationScope.nonCancellable(() => this.run(all))
      .catch((error: unknown) => {
        this.state.fail(`${this.state.preparing ?? site} could not be prepared: ${innerMessage(error)}`);
      })
      .finally(() => {
        this.state.endPreparing();
        this.wake();
      });
  }

  /** Ends it where the study is ending. */
  follow(): void {
    if (this.state.preparing !== null && this.state.ending !== null && !this.life.consideredCancelled)
      this.life.cancel();
  }

  private async run(sites: readonly string[]): Promise<void> {
    const failures: string[] = [];
    for (let left = sites; left.length > 0;) {
      // Without a choice it begins at once, as it always did: histories say so.
      const [only] = left;
      const site = left.length === 1 ? only : await this.choose(left);
      if (site === undefined || site === null) return;
      if (site !== this.state.preparing) {
        this.state.beginPreparing(site);
        this.wake();
      }
      const end = await this.life
        .run(() => this.prepare(site))
        .catch((error: unknown) => {
          if (this.life.consideredCancelled) return null;
          throw error;
        });
      if (this.life.consideredCancelled) {
        await this.abandon(site);
        return;
      }
      if (end === null || end.kind === 'prepared') return;
      const why = end.kind === 'begun' ? 'it was not followed' : end.why;
      failures.push(`the preparation of ${site} failed: ${why}`);
      left = left.filter((other) => other !== site);
    }
    this.state.fail(failures.join('\n'));
  }

  /** @returns `null` where the study ends before any site takes trials */
  private async choose(sites: readonly string[]): Promise<string | null> {
    const { firstSite } = proxyActivities<StudyActivities>({ ...observing, summary: 'a site to prepare' });
    const { spread = false } = this.state.spec;
    return this.life
      .run(() => firstSite(this.ref, sites, { spread }))
      .catch((error: unknown) => {
        if (this.life.consideredCancelled) return null;
        throw error;
      });
  }

  /** Lost ones are begun again, as often as lost trials are. */
  private async prepare(site: string): Promise<PreparationEnd> {
    const { retries } = this.state.spec.trial;
    for (let run = 0; ; run++) {
      // The chain of runs: a reset workflow asks for the same again; a study that is opened again asks anew.
      this.asker = `${workflowInfo().firstExecutionRunId}.${String(run)}`;
      this.host = null;
      let end = await this.ask(site);
      while (end.kind === 'begun') {
        this.host = end.host;
        end = await this.ask(site);
      }
      if (end.kind !== 'lost' || run >= retries) return end;
    }
  }

  private ask(site: string): Promise<PreparationEnd> {
    // Whatever was begun is known before it is ended.
    const cancellationType = ActivityCancellationType.WAIT_CANCELLATION_COMPLETED;
    return this.activities(site, { ...observing, cancellationType }).prepareSite(this.what(site));
  }

  private async abandon(site: string): Promise<void> {
    try {
      await this.activities(site, reachable()).abandonPreparation(this.what(site));
    } catch (error) {
      // The site's worker is gone, and what it began may run on to its end.
      if (!nobodyAnswered(error)) throw error;
    }
  }

  private what(site: string): PreparationRef {
    const study = { ...this.ref, specVersion: this.state.specVersion };
    return { study, site, host: this.host, asker: this.asker };
  }

  private activities(site: string, options: typeof observing): SiteActivities {
    const taskQueue = this.host === null ? siteQueue(site) : siteHostQueue(site, this.host);
    return proxyActivities<SiteActivities>({ ...options, taskQueue, summary: `preparing ${site}` });
  }
}

function innerMessage(error: unknown): string {
  if (error instanceof ActivityFailure) return error.cause?.message ?? error.message;
  return messageOf(error);
}
