import { setTimeout as sleep } from 'node:timers/promises';
import type { Loss } from '../../sites/attempt-state';
import { PerdureError } from '../../study/error';
import { objectOf, type Json } from '../../study/json';
import { flatName } from '../remote/job-name';
import type { JobKey, AttemptState } from '../scheduler';
import {
  endOfFacts,
  lost,
  nothingKnown,
  stateOfFacts,
  tellsNothing,
  unheard,
  type AttemptFacts,
} from './attempt-facts';
import { observeOutcome, type Stopped } from './attempt-outcome';
import type { Deliveries } from './deliveries';
import type { GlobusSite, Patience } from './globus-site';
import type { GlobusJournal } from './journal';
import { nextStep, silentFor } from './next-step';
import { Nudge } from './nudge';
import type { TaskAnswer } from './task-answer';
import type { TaskBoard } from './task-board';
import { taskOf } from './attempt-request';
import { hasBegun, hasEnded, mayRun, newestOpen, newlyWatched, waitingSince, type Watched } from './watched';

/** The endpoint's words for a task that reached it too late (Globus Compute's manager, 4.19). */
const overdue = /too old or skew|Command too old/i;

/** Both look at the attempt after that. */
interface SiteActions {
  /** Writes the attempt's tombstone. */
  giveUp(one: Watched, loss: Loss): Promise<void>;
  /** Takes the attempt's fence for the result of an earlier one, unless it has begun. */
  replace(one: Watched, earlier: number): Promise<void>;
}

/** How long a scheduler that is closed waits for answers to submissions (milliseconds). */
const lastAnswers = 3000;
/** How long what nobody asks for is still followed (milliseconds), and how often the journal is read for what other workers wrote. */
const forgottenAfter = 15 * 60_000;
const stale = 5000;
/** How many tasks of no use may go unanswered before a person is told: the second is sent three minutes after a submission. */
const mostUnanswered = 2;

/**
 * The attempts of a site: what the journal, their tasks and their directories tell of them, and what is to be done about it. Whatever is
 * decided of one is in the journal before it is told.
 */
export class Attempts {
  private readonly watched = new Map<string, Watched>();
  private tending: Promise<void> | undefined;
  private readonly closing = new AbortController();
  /** What is seen at the site beside tasks' answers; set once, as it needs this. */
  looks: { due(open: readonly Watched[]): void; readonly problem: string | null } | null = null;
  board: TaskBoard | null = null;
  /** How the endpoint was seen last. */
  endpoint: { readonly away: boolean; readonly backAt: number } | null = null;
  /** What is done at the site before something is decided; set once. */
  atSite: SiteActions = {
    giveUp: () => Promise.reject(new PerdureError('Unavailable', 'its site is not known yet')),
    replace: () => Promise.reject(new PerdureError('Unavailable', 'its site is not known yet')),
  };
  /** Told of an attempt that was stopped while it was submitted: what was submitted may begin. */
  stoppedLate: (one: Watched) => void = () => undefined;
  /** Sends the endpoint a task of no use. */
  nudge: () => void = () => undefined;
  private readonly nudges: Nudge;

  constructor(
    private readonly site: GlobusSite,
    private readonly journal: GlobusJournal,
    private readonly deliveries: () => Deliveries,
    private readonly patience: Patience,
  ) {
    this.nudges = new Nudge(patience.overtaken);
  }

  /** Begins to follow an attempt, or goes on. */
  async watch(key: JobKey): Promise<Watched> {
    const one = this.of(key);
    if (one.record === null) await this.refresh([one]);
    this.tend();
    return one;
  }

  of(key: JobKey): Watched {
    const name = flatName(key);
    const known = this.watched.get(name);
    if (known !== undefined) {
      known.askedAt = performance.now();
      return known;
    }
    const one = newlyWatched(key);
    this.watched.set(name, one);
    return one;
  }

  /** Takes in what came of a task; the journal has it when this resolves. */
  async take(name: string, taskId: string, said: TaskAnswer): Promise<void> {
    const one = this.watched.get(name);
    const how = await this.keep(name, one, said);
    if (one !== undefined && 'failure' in said) one.failedAt = Date.now();
    await this.journal.endTask(taskId, how);
    if (one !== undefined) {
      await this.refresh([one]);
      this.tell(one);
      this.tend();
    }
  }

  /** Submits a task of an attempt, whose record has its request. */
  submit(one: Watched): Promise<string> {
    one.submitting ??= this.submitNow(one).finally(() => {
      one.submitting = null;
    });
    return one.submitting;
  }

  /** Writes down how an attempt ended that no task will tell of. The first word stays. */
  async conclude(
    one: Watched,
    outcome: { readonly lost: string } | { readonly stopped: Stopped },
  ): Promise<void> {
    await this.journal.keepOutcome(
      this.site.site,
      one.name,
      outcome as unknown as Readonly<Record<string, Json>>,
    );
    await this.refresh([one]);
    this.tell(one);
  }

  async refresh(some: readonly Watched[]): Promise<void> {
    if (some.length === 0) return;
    const records = new Map(
      (await this.journal.findAttempts(some.map(({ name }) => name))).map((record) => [
        record.attempt,
        record,
      ]),
    );
    for (const one of some) {
      const before = one.record?.outcome ?? null;
      one.record = records.get(one.name) ?? null;
      one.readAt = performance.now();
      if (before === null && one.record?.outcome != null) this.tell(one);
    }
  }

  /** What is known of it now. */
  observe(one: Watched): AttemptState {
    const { record, facts } = one;
    if (record === null) return lost('this ledger knows of no submission of it');
    const ended = observeOutcome(record.outcome);
    if (ended !== null) return ended;
    const seen = facts === null ? null : stateOfFacts(facts, one.beat.since);
    // A loss is told when it is written down.
    if (seen?.state === 'ended') return seen;
    const outage = this.board?.outage ?? null;
    if (outage !== null) {
      return { state: 'unknown', why: outage.text, login: outage.kind === 'LoginRequired' };
    }
    if (seen !== null && seen.state === 'running') {
      const silent = Date.now() - one.beat.since;
      if (silent <= this.patience.silence) return seen;
      const why = [silentFor(silent), one.problem].filter((text) => text !== null).join('; ');
      return { state: 'unknown', why };
    }
    const notes = one.problem === null ? [this.looks?.problem, this.silence] : [one.problem];
    const note = notes.filter((text) => text != null).join('; ');
    return { state: 'waiting', ...(note === '' ? {} : { note }) };
  }

  /** What a person should know of an endpoint that is there and answers nothing. */
  private get silence(): string | null {
    if (this.endpoint === null || this.endpoint.away || this.nudges.unanswered < mostUnanswered) return null;
    // A trial that runs there keeps a worker busy: others may have to wait for it.
    const lately = Date.now() - this.patience.silence;
    if (this.open().some((one) => hasBegun(one) && one.beat.since > lately)) return null;
    return 'it takes no tasks: if it has nodes, its user endpoint hangs; on its machine: globus-compute-endpoint restart NAME';
  }

  /** Something was seen in its directory. */
  saw(one: Watched, seen: AttemptFacts): void {
    // Its task may never say anything, on a full disk or since it was killed: from the fence on its silence is measured.
    const facts = one.beat.text === unheard && tellsNothing(seen) ? { ...seen, beat: unheard } : seen;
    const news = facts.beat !== '' && !hasBegun(one);
    one.facts = facts;
    if (facts.beat !== one.beat.text) one.beat = { text: facts.beat, since: Date.now(), times: 1 };
    else one.beat.times += 1;
    if (facts.beat !== '') {
      one.overtaken = null;
      const submitted = one.record?.tasks.at(-1)?.submittedAt.getTime();
      // Later ones say that it still runs, and nothing of whether the endpoint takes tasks.
      if (news && submitted !== undefined) this.board?.hasBegun(submitted);
    }
    if (news || endOfFacts(facts) !== null) this.tell(one);
  }

  tell(one: Watched): void {
    one.news.resolve();
    one.news = Promise.withResolvers();
  }

  /** @param giveUp ends what is waited for */
  async close(giveUp: () => void): Promise<void> {
    this.closing.abort();
    await this.tending;
    const submitting = [...this.watched.values()].flatMap(({ submitting: one }) => one ?? []);
    const over = new AbortController();
    const late = sleep(lastAnswers, undefined, { signal: over.signal }).then(giveUp, () => undefined);
    await Promise.allSettled(submitting);
    over.abort();
    await late;
    giveUp();
  }

  /** Attempts that are followed: those that have begun, as far as anybody knows, and the others. */
  get counts(): { readonly queued: number; readonly running: number } {
    const open = this.open();
    const running = open.filter(hasBegun).length;
    return { queued: open.length - running, running };
  }

  private async keep(name: string, one: Watched | undefined, said: TaskAnswer): Promise<string> {
    // The endpoint gives this answer for tasks that waited while it was away. It may still run them.
    if ('failure' in said) return `${overdue.test(said.failure) ? 'undelivered' : 'failed'} ${said.failure}`;
    const outcome = objectOf(said.answer['outcome']);
    if (outcome !== null) {
      await this.journal.keepOutcome(this.site.site, name, outcome);
      if (one?.record?.request != null) this.deliveries().proved(one.record.request);
      return 'done';
    }
    const { missing, held } = said.answer;
    if (Array.isArray(missing)) {
      this.deliveries().missing((missing as readonly Json[]).filter((path) => typeof path === 'string'));
      return 'missing';
    }
    if (typeof held === 'string' && one !== undefined) {
      // One that took the fence and has not said anything counts as alive for as long as any other.
      this.saw(one, { ...nothingKnown, beat: held === '' ? unheard : held });
    }
    return 'held';
  }

  private async submitNow(one: Watched): Promise<string> {
    const request = one.record?.request ?? null;
    if (request === null || this.board === null) throw new Error(`nothing is known of ${one.name}`);
    const { task, resources } = taskOf(request, await this.deliveries().bring(request));
    const { unsent } = one;
    one.unsent = false;
    const taskId = await this.board.submit(one.name, task, resources).catch((error: unknown) => {
      one.unsent = unsent && error instanceof PerdureError && error.nothingDone;
      throw error;
    });
    one.overtaken = null;
    one.problem = null;
    await this.refresh([one]);
    if (one.record?.stop != null) this.stoppedLate(one);
    return taskId;
  }

  /** Those that may still come to something; what ended is read by whoever records it. */
  private open(): readonly Watched[] {
    return [...this.watched.values()].filter((one) => one.record?.outcome === null && !hasEnded(one));
  }

  private tend(): void {
    this.tending ??= this.tendAll().finally(() => {
      this.tending = undefined;
    });
  }

  /** Once a second, as long as anything is open. */
  private async tendAll(): Promise<void> {
    const { signal } = this.closing;
    while (!signal.aborted) {
      const now = performance.now();
      for (const [name, { askedAt }] of this.watched)
        if (now - askedAt > forgottenAfter) this.watched.delete(name);
      const open = this.open();
      if (open.length === 0) return;
      try {
        await this.refresh(open.filter(({ readAt }) => now - readAt > stale));
        for (const one of open) await this.act(one);
        const waiting = open.flatMap(waitingSince);
        const { newsAt = 0, outage = null } = this.board ?? {};
        const { backAt = 0, away = false } = this.endpoint ?? {};
        if (this.nudges.isDue(waiting, { newsAt, backAt, away: away || outage !== null })) this.nudge();
      } catch (error) {
        // The ledger does not answer; whoever asks for a trial is told so.
        if (!(error instanceof PerdureError)) throw error;
      }
      this.looks?.due(open);
      await sleep(1000, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Makes certain at the site what is to be decided; where the site can't be asked, that is tried again, and nothing is decided. */
  private settle(one: Watched, work: () => Promise<void>): void {
    if (performance.now() < one.againAt) return;
    one.settling = true;
    work()
      .catch((error: unknown) => {
        if (!(error instanceof PerdureError)) throw error;
        one.problem = error.message;
        one.againAt = performance.now() + this.patience.silence / 2;
      })
      .finally(() => {
        one.settling = false;
      });
  }

  private async act(one: Watched): Promise<void> {
    const { record, submitting } = one;
    if (record === null || submitting !== null || this.board === null) return;
    const submitted = newestOpen(one)?.submittedAt.getTime() ?? Infinity;
    // Those of one request are handed out in no order.
    if (one.overtaken === null && submitted + 100 < this.board.turn) one.overtaken = Date.now();
    if (one.settling) return;
    const earlier = hasBegun(one) ? null : (one.facts?.lateResult ?? null);
    if (earlier !== null && one.facts?.replacedBy === null) {
      this.settle(one, () => this.atSite.replace(one, earlier));
      return;
    }
    const step = nextStep({ ...one, record }, { maxRetries: this.site.maxRetries, patience: this.patience });
    if (step.do === 'lost') await this.conclude(one, { lost: step.why });
    else if (step.do === 'giveUp') {
      this.settle(one, async () => {
        await this.atSite.giveUp(one, { cause: 'site', why: step.why });
        // What it had written before is taken.
        if (!hasEnded(one)) await this.conclude(one, { lost: step.why });
      });
    } else if (step.do === 'submit' && performance.now() >= one.againAt) {
      this.submit(one).catch(async (error: unknown) => {
        if (!(error instanceof PerdureError)) throw error;
        // It is tried again with the next turn, unless that is of no use.
        one.problem = error.message;
        if (error.kind !== 'SubmitRejected') return;
        // What was taken before may run, and must not run twice.
        if (mayRun(one)) one.againAt = performance.now() + this.patience.overtaken;
        else await this.conclude(one, { lost: error.text }).catch(untilNextTurn);
      });
    }
  }
}

/** The ledger did not take it: the next turn comes to the same. */
function untilNextTurn(error: unknown): void {
  if (!(error instanceof PerdureError)) throw error;
}
