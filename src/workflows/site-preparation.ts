import {
  ActivityCancellationType,
  ActivityFailure,
  CancellationScope,
  proxyActivities,
  workflowInfo,
} from '@temporalio/workflow';
import type { StudyStateMachine } from '../study/study-state';
import { siteHostQueue, siteQueue } from '../study/task-queues';
import type { PreparationEnd, PreparationRef, SiteActivities, StudyRef } from './activity-types';
import { nobodyAnswered, observing, reachable } from './retry';

/**
 * What a study wants done at its first site before its first trial. A failure ends the study. The end of the study ends what
 * is under way; a pause does not.
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
    this.state.beginPreparing(site);
    // It has to be ended, also when the study is cancelled.
    CancellationScope.nonCancellable(() => this.run(site))
      .catch((error: unknown) => {
        this.state.fail(`${site} could not be prepared: ${messageOf(error)}`);
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

  private async run(site: string): Promise<void> {
    const end = await this.life
      .run(() => this.prepare(site))
      .catch((error: unknown) => {
        if (this.life.consideredCancelled) return null;
        throw error;
      });
    if (this.life.consideredCancelled) await this.abandon(site);
    else if (end !== null && end.kind !== 'prepared') {
      this.state.fail(
        `the preparation of ${site} failed: ${end.kind === 'begun' ? 'it was not followed' : end.why}`,
      );
    }
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
      await this.activities(site, reachable).abandonPreparation(this.what(site));
    } catch (error) {
      // The site's worker is gone, and what it began may run on to its end.
      if (!nobodyAnswered(error)) throw error;
    }
  }

  private what(site: string): PreparationRef {
    return { study: this.ref, site, host: this.host, asker: this.asker };
  }

  private activities(site: string, options: typeof observing): SiteActivities {
    const taskQueue = this.host === null ? siteQueue(site) : siteHostQueue(site, this.host);
    return proxyActivities<SiteActivities>({ ...options, taskQueue, summary: `preparing ${site}` });
  }
}

function messageOf(error: unknown): string {
  if (error instanceof ActivityFailure) return error.cause?.message ?? error.message;
  return error instanceof Error ? error.message : String(error);
}
