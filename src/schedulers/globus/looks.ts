import { PerdureError } from '../../study/error';
import { siteClock, timeLine } from '../remote/site-clock';
import type { Loss } from '../../sites/attempt-state';
import type { Answer } from '../remote/site-answer';
import { failureIn, words, type Call, type SiteShell } from '../remote/site-shell';
import { tombstoneText } from '../tombstone-file';
import { factsOfLook } from './attempt-facts';
import { inWords, type GlobusHealth } from './globus-health';
import type { Watched } from './watched';

/** How old what is said of the endpoint may be without its age (milliseconds). */
const current = 15_000;
/** Times in a row that no look is taken by a task since no worker is free: what the service says of that may be old. */
const mostSkipped = 10;

/**
 * Looks at the directories of attempts: all that are open by one command. By a transport, or by a small task, which waits for a free
 * worker; nothing rests on such a look but what no answer of a task tells.
 */
export class Looks {
  private looking: Promise<void> | undefined;
  private lastBegan = performance.now();
  private skipped = 0;
  private said: string | null = null;
  /** By `performance.now`. */
  private saidAt = 0;

  constructor(
    private readonly shell: SiteShell,
    private readonly health: GlobusHealth,
    private readonly options: {
      /** Milliseconds between two. */
      readonly interval: number;
      readonly byTask: boolean;
      readonly saw: (one: Watched, facts: NonNullable<ReturnType<typeof factsOfLook>>) => void;
    },
  ) {}

  /** What a person should know of attempts that nothing is known of. */
  get problem(): string | null {
    const age = performance.now() - this.saidAt;
    if (this.said === null || age < current) return this.said;
    return `${this.said} (${String(Math.round(age / 1000))} s ago)`;
  }

  /** Looks where it is time to. */
  due(open: readonly Watched[]): void {
    if (this.looking !== undefined || performance.now() - this.lastBegan < this.options.interval) return;
    this.lastBegan = performance.now();
    this.looking = this.look(open)
      .catch((error: unknown) => {
        if (!(error instanceof PerdureError)) throw error;
        this.said = `its files can't be looked at: ${error.message}`;
        this.saidAt = performance.now();
      })
      .finally(() => {
        this.looking = undefined;
      });
  }

  /** Resolves when nothing is looked at any more; what it is done by is closed by then. */
  async close(): Promise<void> {
    await this.looking;
  }

  /** Looks at one now. */
  async at(one: Watched): Promise<void> {
    await this.lookAt([one]);
  }

  private async look(open: readonly Watched[]): Promise<void> {
    const status = await this.health.status();
    this.saidAt = this.health.saidAt;
    this.said = status === null || status instanceof PerdureError ? null : inWords(status);
    if (this.options.byTask) {
      const workers = status === null || status instanceof PerdureError ? undefined : status.details;
      const busy = workers !== undefined && workers.total_workers > 0 && workers.idle_workers === 0;
      const offline = status !== null && !(status instanceof PerdureError) && status.status !== 'online';
      // A task that waits may make the endpoint ask for more nodes.
      if (offline || (busy && this.skipped < mostSkipped)) {
        this.skipped += 1;
        return;
      }
      this.skipped = 0;
    }
    await this.lookAt(open);
  }

  /** Gives an attempt up at its site, and looks at it after that. */
  async giveUp(one: Watched, loss: Loss): Promise<void> {
    const text = tombstoneText(loss);
    await this.doAndLook(
      one,
      (number) => `give_up ${words(number, one.path, one.name, '-', '-', text, one.reports.from)}`,
    );
  }

  /** Takes an attempt's fence for the result of an earlier one, unless it has begun, and looks at it after that. */
  async replace(one: Watched, earlier: number): Promise<void> {
    await this.doAndLook(
      one,
      (number) => `replace_attempt ${words(number, one.path, one.name, '-', earlier, one.reports.from)}`,
    );
  }

  private async doAndLook(one: Watched, lines: Call['lines']): Promise<void> {
    const [timed, answer] = await this.shell.callAll([time, { lines, timeoutMs: 1500 }]);
    const failed = answer === undefined ? 'the site did not answer' : failureIn(answer);
    if (failed !== undefined || answer === undefined) throw new PerdureError('Unavailable', failed ?? '');
    this.take(one, answer, 1000 * (siteClock(timed) ?? 0));
  }

  private async lookAt(open: readonly Watched[]): Promise<void> {
    const answers = await this.shell.callAll([time, ...open.map((one) => look(one))]);
    const [timed, ...rest] = answers;
    const clock = 1000 * (siteClock(timed) ?? 0);
    open.forEach((one, i) => {
      const answer = rest[i];
      if (answer !== undefined) this.take(one, answer, clock);
    });
  }

  /** @param clock milliseconds by which the site's clock is ahead */
  private take(one: Watched, answer: Answer, clock: number): void {
    const facts = factsOfLook(answer);
    if (facts === null) return;
    const before = one.reports.all.length;
    one.reports.take(answer.data.get('reports'));
    const { startedAt } = facts;
    const ours = startedAt === null ? null : new Date(startedAt.getTime() - clock);
    this.options.saw(one, { ...facts, startedAt: ours });
    if (one.reports.all.length > before) {
      one.news.resolve();
      one.news = Promise.withResolvers();
    }
  }
}

const time: Call = { lines: timeLine, timeoutMs: 1000 };

function look({ name, path, reports }: Watched): Call {
  return { lines: (number) => `look ${words(number, path, name, reports.from)}`, timeoutMs: 500 };
}
