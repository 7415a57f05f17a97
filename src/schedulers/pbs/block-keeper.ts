import { PerdureError } from '../../study/error';
import { largest } from '../../study/lists';
import type { Transport } from '../../transports/transport';
import { blockJob } from './block-job';
import { blocksNeeded, type ActiveBlock } from './blocks-needed';
import { isJobOver } from '../../sites/attempt-state';
import { blockJobName } from '../remote/job-name';
import type { Observer } from './observer';
import type { Patience } from './patience';
import type { Blocks, PbsSite } from './pbs-site';
import { fullIn, refusalIn } from './refusal';
import { lineOf, textOf, type Answer } from '../remote/site-answer';
import { words, type SiteShell } from '../remote/site-shell';
import type { Staging } from '../remote/staging';

/** How long a queued block is kept that has nothing to do: the next trials of a study may come in a moment (milliseconds). */
const idleQueued = 60_000;

/** How long a final refusal of a block holds for the trials that come after it (milliseconds). */
const rejectedFor = 60_000;

interface Block {
  readonly name: string;
  readonly jobId: string | null;
  readonly over: boolean;
  readonly pilot: Pilot | null;
}

/** What a pilot says of itself. */
interface Pilot {
  readonly state: string;
  readonly slots: number;
  readonly busy: number;
}

/**
 * Keeps as many blocks at a site as its trials need, and brings news from them. Several workers may do so: a block's name is
 * the next number, and who makes its directory submits it.
 */
export class BlockKeeper {
  private tending: Promise<void> | undefined;
  private again = false;
  private readonly closing = new AbortController();
  private watching: Promise<void> | undefined;
  private problem: string | null = null;
  /** What PBS says of blocks that wait, while none runs. */
  private waiting: string | null = null;
  /** What PBS said of a block that it held, as it could not start it, until one runs. */
  private held: string | null = null;
  /** PBS' final refusal of the last block, with its moment (by the monotonic clock); `null`: it took that. */
  private rejection: { readonly error: PerdureError; readonly at: number } | null = null;
  /** Blocks that were queued or ran when they were last looked after. */
  private active = 0;
  private providing: Promise<void> | undefined;
  /** Since when there is nothing to do (by the monotonic clock); `null`: there is something. */
  private idleSince: number | null = null;
  private later: NodeJS.Timeout | undefined;
  /** When the pilot of each block was first seen (by the monotonic clock). */
  private readonly begun = new Map<string, number>();

  constructor(
    private readonly site: PbsSite,
    private readonly blocks: Blocks,
    private readonly transport: Transport,
    private readonly shell: SiteShell,
    private readonly staging: Staging,
    private readonly observer: Observer,
    private readonly patience: Patience,
  ) {}

  /** Why trials wait, where the site took no block or does not run it. */
  get note(): string | null {
    return this.problem ?? this.held ?? this.waiting;
  }

  /** Looks after the blocks soon; calls that come meanwhile are one. */
  tend(): void {
    if (this.closing.signal.aborted) return;
    if (this.tending !== undefined) {
      this.again = true;
      return;
    }
    this.tending = this.tendNow()
      .catch((error: unknown) => {
        // The next listing tries again; an outage is told by whoever observes.
        this.problem = error instanceof PerdureError ? error.text : String(error);
      })
      .finally(() => {
        this.tending = undefined;
        if (this.again) {
          this.again = false;
          this.tend();
        }
      });
  }

  /**
   * Sees to it before a trial is submitted that there is a block for it, or will be: what PBS takes no block for must not wait for one.
   * @throws {@link PerdureError} `SubmitRejected` where PBS refuses it for good
   */
  async provide(): Promise<void> {
    if (this.active > 0 || this.closing.signal.aborted) return;
    const { rejection } = this;
    if (rejection !== null && performance.now() - rejection.at < rejectedFor) throw rejection.error;
    await this.tending;
    this.providing ??= this.tendNow(1).finally(() => {
      this.providing = undefined;
    });
    await this.providing;
    if (this.active === 0 && this.rejection !== null) throw this.rejection.error;
  }

  async close(): Promise<void> {
    this.closing.abort();
    clearTimeout(this.later);
    await Promise.allSettled([this.tending, this.watching, this.providing]);
  }

  /** @param coming trials that will be ready in a moment */
  private async tendNow(coming = 0): Promise<void> {
    // Trials that were submitted at the same moment are counted together.
    await new Promise((done) => setTimeout(done, 150));
    const answer = await this.shell.call({
      lines: (number) => `list_blocks ${words(number)}`,
      timeoutMs: 5000,
    });
    const blocks = blocksOf(answer);
    this.observer.setBlocks(blocks);
    if (this.observer.open.size > 0) this.watch();
    const ready = Number(lineOf(answer, 'count') ?? 0);
    const active = await this.withoutUseless(await this.activeOf(blocks), ready + coming);
    this.active = active.filter(({ jobId }) => jobId !== null).length;
    this.waiting = this.waitingNote(active);
    const slots = slotsOf(this.blocks, this.site.select);
    const needed = blocksNeeded(
      {
        ready: ready + coming,
        active: active.map((block) => free(block, slots)),
        wanted: this.observer.open.size > 0,
      },
      { slots, minBlocks: this.blocks.minBlocks, maxBlocks: this.blocks.maxBlocks },
    );
    // One whose submission was interrupted is submitted first.
    const begun = active.filter(({ jobId }) => jobId === null).map(({ name }) => name);
    const last = largest([0, ...blocks.map(({ name }) => Number(name.slice(1)))]);
    const fresh = Array.from({ length: needed }, (_, i) => `b${String(last + 1 + i).padStart(6, '0')}`);
    this.problem = null;
    for (const name of [...begun, ...fresh]) if (!(await this.submit(name))) break;
  }

  /**
   * Deletes blocks that have not begun and have had nothing to do for a while: they would hold a place in the queue after the end of
   * their study. A block that runs ends by itself when it is idle.
   */
  private async withoutUseless(active: readonly Block[], ready: number): Promise<readonly Block[]> {
    // Trials of other workers count too.
    const busy = active.some(({ pilot }) => pilot !== null && pilot.busy > 0);
    const isIdle = ready === 0 && !busy && this.observer.open.size === 0;
    const now = performance.now();
    this.idleSince = isIdle ? (this.idleSince ?? now) : null;
    const queued = active.filter(({ pilot, jobId }) => pilot === null && jobId !== null);
    clearTimeout(this.later);
    if (this.idleSince === null || queued.length === 0) return active;
    const left = this.idleSince + Math.min(idleQueued, this.blocks.idleTimeout) - now;
    if (left > 0) {
      // No later request for this site may come to start the check.
      this.later = setTimeout(() => {
        this.tend();
      }, left).unref();
      return active;
    }
    for (const block of queued) await this.end(block, true);
    return active.filter((block) => !queued.includes(block));
  }

  /** Blocks that are queued or run; those that are not any more are noted as over. */
  private async activeOf(blocks: readonly Block[]): Promise<readonly Block[]> {
    const active: Block[] = [];
    for (const block of blocks) {
      if (block.over) continue;
      const report = this.observer.reportOf(block.jobId);
      const again = block.jobId !== null && this.waitsAgain(block.name, block.jobId, block.pilot);
      // What it could not start may have been the fault of a node: another one is tried.
      const held = report?.phase.state === 'held' ? report.phase : null;
      if (held !== null)
        this.held = `PBS held block ${block.name} (job ${block.jobId ?? '?'}), which it could not start: ${held.note}`;
      if (block.pilot !== null) this.held = null;
      const remove = again || held !== null;
      const over = remove || (report !== null && isJobOver(report, this.observer));
      if (over) await this.end(block, remove);
      else active.push(block);
    }
    return active;
  }

  /** @param remove its job from the queue */
  private async end({ name, jobId }: Block, remove: boolean): Promise<void> {
    await this.shell.call({
      lines: (number) =>
        `${remove ? `delete_job ${words(number, jobId ?? '')}\n` : ''}end_block ${words(number, name)}`,
      timeoutMs: 1000,
      commands: remove ? 1 : 0,
    });
  }

  /** PBS put the job of a block that has run back into the queue; it would find its pilot's lock there and end. */
  private waitsAgain(name: string, jobId: string, pilot: Pilot | null): boolean {
    if (pilot === null) return false;
    const begun = this.begun.get(name) ?? performance.now();
    this.begun.set(name, begun);
    const report = this.observer.reportOf(jobId);
    if (report?.phase.state !== 'waiting') return false;
    return report.at - Math.max(report.since, begun) >= this.observer.grace;
  }

  private waitingNote(active: readonly Block[]): string | null {
    const notes = active.map(({ name, jobId }) => {
      const report = this.observer.reportOf(jobId);
      if (report?.phase.state !== 'waiting') return null;
      const { phase } = report;
      const job = `block ${name} (job ${report.id})`;
      return `${job} waits${phase.note === '' ? '' : `: ${phase.note}`}`;
    });
    return notes.includes(null) ? null : (notes[0] ?? null);
  }

  /** @returns `false` where no further one need be tried now */
  private async submit(name: string): Promise<boolean> {
    await this.staging.shimReady();
    const jobName = blockJobName(this.site.workingDir, name);
    const text = blockJob(this.site, this.blocks, this.staging.shim, name, jobName);
    const answer = await this.shell.call({
      lines: (number) =>
        `make_block ${words(number, name, text)}\nsubmit ${words(number, `blocks/${name}`, jobName, this.site.maxJobs ?? '-', this.patience.submission)}`,
      timeoutMs: 5000,
      commands: 2,
      counts: this.site.maxJobs !== null,
    });
    const jobId = lineOf(answer, 'job');
    if (jobId !== undefined) {
      this.rejection = null;
      this.active += 1;
      this.observer.addBlock(name, jobId);
      return true;
    }
    const why = fullIn(answer, this.site.maxJobs);
    if (why !== null) this.problem = `no block can be submitted: ${why}`;
    else if (lineOf(answer, 'refused') !== undefined) {
      const error = refusalIn(answer, this.site.site);
      this.problem = `PBS takes no block: ${error.message}`;
      if (error.kind === 'SubmitRejected') this.rejection = { error, at: performance.now() };
    }
    return false;
  }

  /** Keeps one command running at the site that says which trials have begun or ended. Where it breaks, listings go on. */
  private watch(): void {
    if (this.watching !== undefined) return;
    const { signal } = this.closing;
    this.watching = this.transport
      .stream('/bin/sh -s', {
        input: this.shell.script('watch_news'),
        signal,
        onLine: (line) => {
          const [, name] = /^news (\S+)=\w+$/.exec(line) ?? [];
          const key = name === undefined ? undefined : this.observer.open.get(name);
          if (key !== undefined) void this.observer.peek([key]);
        },
      })
      .catch(() => undefined)
      .finally(() => {
        this.watching = undefined;
      });
  }
}

function blocksOf(answer: Answer): readonly Block[] {
  return answer.lines.flatMap(({ word, text }) => {
    if (word !== 'block' && word !== 'over') return [];
    const [name = '', id = '-'] = text.split(' ');
    const jobId = id === '-' ? null : id;
    return [{ name, jobId, over: word === 'over', pilot: pilotOf(textOf(answer, name)) }];
  });
}

function pilotOf(text: string): Pilot | null {
  try {
    const { state, slots, busy } = JSON.parse(text) as Partial<Pilot>;
    if (typeof state !== 'string' || typeof slots !== 'number' || typeof busy !== 'number') return null;
    return { state, slots, busy };
  } catch {
    // It has not begun.
    return null;
  }
}

function free({ pilot }: Block, slots: number): ActiveBlock {
  if (pilot === null) return { free: slots };
  return { free: pilot.state === 'running' ? Math.max(0, pilot.slots - pilot.busy) : 0 };
}

/** Trials at once in one block. */
export function slotsOf(blocks: Blocks, select: string | null): number {
  return Math.max(blocks.slotsPerNode * nodesOf(select), 1);
}

/** Nodes that a selection asks for: `2`, `2:ncpus=8`, `1:ncpus=4+3:mem=1gb`. */
function nodesOf(select: string | null): number {
  return (select ?? '1').split('+').reduce((sum, chunk) => sum + Number(/^\d+/.exec(chunk)?.[0] ?? 1), 0);
}
