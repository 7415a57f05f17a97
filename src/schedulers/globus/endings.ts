import { setTimeout as sleep } from 'node:timers/promises';
import { isOver } from '../../sites/attempt-state';
import { PerdureError } from '../../study/error';
import type { JsonObject } from '../../study/json';
import { stopText } from '../remote/attempt-view';
import { jobName } from '../remote/job-name';
import { words, type SiteShell } from '../remote/site-shell';
import type { JobKey, StopReason } from '../scheduler';
import type { Stopped } from './attempt-outcome';
import type { Attempts } from './attempts';
import type { GlobusSite } from './globus-site';
import type { GlobusJournal } from './journal';
import type { Looks } from './looks';
import type { Watched } from './watched';

/** How long a cancelled trial may take to end, where it can be told to (milliseconds). */
const cancelPatience = 3 * 60_000;

/**
 * Ends attempts: the service can't cancel a task, so the attempt is told to end by a mark among its files, by a transport or by a
 * task. Why is in the journal first.
 */
export class Endings {
  /** @param byTask how long a free worker is waited for where only a task can put the mark (milliseconds); `null`: a transport does */
  constructor(
    private readonly parts: {
      readonly site: GlobusSite;
      readonly journal: GlobusJournal;
      readonly attempts: Attempts;
      readonly looks: Looks;
      readonly shell: SiteShell;
    },
    private readonly byTask: number | null,
  ) {}

  async cancel(key: JobKey, reason: StopReason, why?: string): Promise<void> {
    const { site, journal, attempts } = this.parts;
    const one = attempts.of(key);
    const record = await journal.keepStop(site.site, one.name, { reason, why: why ?? null });
    await attempts.watch(key);
    await attempts.refresh([one]);
    if (this.isOver(one)) return;
    // The first reason stays.
    const first = stopOf(record.stop) ?? { reason, why: why ?? null };
    // An answer that was lost, or a worker that was killed, may have left a task that nobody knows of.
    const nothingSent = record.request === null || one.unsent;
    if (record.tasks.length === 0 && one.submitting === null && nothingSent) {
      await attempts.conclude(one, { stopped: first });
      return;
    }
    if (await this.stopAtSite(one, first)) return;
    const words = `Globus Compute can't cancel a task, and no worker was free to end it: it may run on for ${inHours(site.functionTimeout)}`;
    const told = first.why === null ? words : `${first.why}; ${words}`;
    await attempts.conclude(one, { stopped: { ...first, why: told } });
  }

  /** What was submitted while it was stopped may begin. Where no worker is free it runs on, as whoever cancelled it was told. */
  stoppedLate(one: Watched, shell: SiteShell): void {
    const stop = stopOf(one.record?.stop ?? null);
    if (stop !== null) this.tellStop(one, stop, shell).catch(() => undefined);
  }

  /** @returns whether it is certain that nothing of it runs or will */
  private async stopAtSite(one: Watched, stop: Stopped): Promise<boolean> {
    const { site, attempts, looks, shell } = this.parts;
    const until = Date.now() + (this.byTask ?? cancelPatience);
    for (let wait = 300; ; wait = Math.min(2 * wait, 5000)) {
      try {
        await this.tellStop(one, stop, shell);
        await looks.at(one);
      } catch (error) {
        if (!(error instanceof PerdureError)) throw error;
        // With a transport it can be told later; without one nobody may ever be free.
        if (this.byTask === null) throw error;
      }
      await attempts.refresh([one]);
      if (this.isOver(one)) return true;
      if (Date.now() > until) {
        if (this.byTask !== null) return false;
        throw new PerdureError('Unavailable', 'the trial was told to end and has not ended yet', {
          where: `site ${site.site}`,
        });
      }
      await Promise.race([one.news.promise, sleep(wait)]);
    }
  }

  private async tellStop(
    { path, name, key }: Watched,
    { reason, why }: Stopped,
    shell: SiteShell,
  ): Promise<void> {
    const text = stopText(reason, why ?? undefined);
    await shell.ask({
      lines: (number) => `stop_attempt ${words(number, path, name, jobName(key), text)}`,
      timeoutMs: 1000,
    });
  }

  private isOver(one: Watched): boolean {
    return isOver(this.parts.attempts.observe(one));
  }
}

/** As the journal has it. */
function stopOf(stop: JsonObject | null): Stopped | null {
  // It was written by `cancel`.
  return stop as unknown as Stopped | null;
}

function inHours(milliseconds: number): string {
  const minutes = Math.ceil(milliseconds / 60_000);
  return minutes < 120 ? `${String(minutes)} minutes` : `${String(Math.ceil(minutes / 60))} hours`;
}
