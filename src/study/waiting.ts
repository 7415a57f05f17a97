import { plainLine } from './plain-text';
import { endedStates, type StudyState } from './progress';
import { quoted } from './shell-word';
import type { HealthState } from './site-health';

/**
 * What a study can wait for:
 * - `workflow_task`: a workflow task that keeps failing or timing out
 * - `worker`: a live worker for one of its task queues
 * - `resume`, `approval`, `login`: a person
 * - `preparation`, `proposal`: the preparation of a site; a proposal that cannot be made yet
 * - `site`: a site that is down, full or needs a login
 * - `job`: jobs in a scheduler's queue, or trials that no site accepts now
 * - `end`: its running trials, after which it ends
 */
export type WaitingKind =
  | 'workflow_task'
  | 'worker'
  | 'resume'
  | 'approval'
  | 'login'
  | 'preparation'
  | 'proposal'
  | 'site'
  | 'job'
  | 'end';

/** One thing that a study waits for. */
export interface Waiting {
  readonly kind: WaitingKind;
  /** What it waits for, without the trials; {@link waitingText} adds them. */
  readonly message: string;
  /** What a person can do, as a command where possible; `null`: only wait. */
  readonly action: string | null;
  /** Numbers of the trials that wait; empty if the whole study waits. */
  readonly trials: readonly number[];
}

/** A workflow task that has failed at least once and is tried again. */
export interface FailingTask {
  /** The trial whose workflow it is; `null`: the study's own. */
  readonly trial: number | null;
  /** How often it has been tried. */
  readonly attempts: number;
  /** Temporal's cause, for example `WORKFLOW_TASK_FAILED_CAUSE_NON_DETERMINISTIC_ERROR` or `START_TO_CLOSE timeout`; `null`: unknown. */
  readonly cause: string | null;
  /** What the worker reported; empty for a timeout. */
  readonly message: string;
}

/** The workers and the backlog of one task queue. */
export interface QueueState {
  /** The site whose queue it is; `null`: the studies' queue. */
  readonly site: string | null;
  /** Live workers. */
  readonly alive: number;
  /** About how many tasks no worker has taken yet. */
  readonly backlog: number;
  /** Age of the oldest of these tasks (milliseconds); 0 if there is none. */
  readonly backlogAgeMs: number;
}

/** A site as workers last reported it. */
export interface SiteFact {
  readonly site: string;
  readonly state: HealthState;
  readonly reason: string;
  /** How many more trials it accepts now; `null`: no limit. */
  readonly free: number | null;
}

/** What is known about a study. Facts that were not read are absent, and {@link waitingFor} says nothing about them. */
export interface StudyFacts {
  readonly study: string;
  readonly state: StudyState;
  /** Why it is in that state; empty while it runs. */
  readonly reason: string;
  /** Number of running trials. */
  readonly running: number;
  /** Sites that need a login, with what to do. */
  readonly logins: Readonly<Record<string, string>>;
  /** Numbers of the proposals that need an approval. */
  readonly approvals: readonly number[];
  readonly tasks?: readonly FailingTask[];
  readonly queues?: readonly QueueState[];
  readonly sites?: readonly SiteFact[];
  /** Running trials whose jobs wait, each with the reason that was last read. */
  readonly jobs?: readonly { readonly number: number; readonly why: string }[];
  /** The command that starts a worker. */
  readonly startWorker?: string;
}

/**
 * What a study waits for, the most fundamental reason first: if workflow tasks fail or no worker is alive, the other facts may be out
 * of date. Empty if the study makes progress or has ended. Every command and Temporal UI use this function.
 */
export function waitingFor(facts: StudyFacts): readonly Waiting[] {
  if (endedStates.has(facts.state)) return [];
  return [
    ...tasksOf(facts),
    ...workersOf(facts),
    ...personOf(facts),
    ...proposalsOf(facts),
    ...jobsOf(facts),
    ...sitesOf(facts),
    ...endOf(facts),
  ];
}

function tasksOf({ tasks = [] }: StudyFacts): readonly Waiting[] {
  return [...groups(tasks, (task) => `${String(task.trial === null)} ${failureWords(task)}`).values()].map(
    (those) => {
      const [first] = those;
      const attempts = those.reduce((most, task) => Math.max(most, task.attempts), 1);
      const trials = those.flatMap(({ trial }) => trial ?? []);
      const whose = trials.length === 0 ? "the study's" : trials.length === 1 ? 'its' : 'each';
      return {
        kind: 'workflow_task',
        message: `${whose} workflow task has failed ${times(attempts)}: ${first === undefined ? '' : failureWords(first)}`,
        action: taskAction(first),
        trials,
      };
    },
  );
}

/** The cause and the first line of the worker's message. */
function failureWords({ cause, message }: FailingTask): string {
  const words = plainLine(message.split('\n')[0] ?? '', 300);
  const name =
    cause
      ?.replace(/^WORKFLOW_TASK_FAILED_CAUSE_/, '')
      .toLowerCase()
      .replaceAll('_', ' ') ?? '';
  // Temporal's cause for any other error of a worker: it adds nothing to the message.
  if (name === '' || name === 'workflow worker unhandled failure')
    return words === '' ? 'no reason is known' : words;
  return words === '' ? name : `${name}: ${words}`;
}

function taskAction(task: FailingTask | undefined): string {
  const { cause = null, message = '' } = task ?? {};
  if (isWrongKey(message)) return giveKey;
  if (/NON_?DETERMINIS/i.test(`${cause ?? ''} ${message}`))
    return 'a worker of another version of Perdure runs this study: run the same version on all workers';
  if (cause !== null && /timeout/i.test(cause))
    return 'its worker is overloaded, hangs or was killed: see its log and the load of its host';
  return "see the worker's log: perdure doctor";
}

const giveKey = 'restart the worker with the encryption key that the study was started with';

/** `EncryptionCodec` in `src/client/payload-encryption` writes these words. */
function isWrongKey(words: string): boolean {
  return words.includes('encrypted with another key');
}

function workersOf({ queues = [], startWorker = 'perdure up' }: StudyFacts): readonly Waiting[] {
  const dead = queues.filter(({ alive }) => alive === 0);
  const own = dead.find(({ site }) => site === null);
  // Without a worker for the studies' queue, nothing happens at any site.
  const named = own === undefined ? dead : [own];
  return named.map((queue) => ({
    kind: 'worker',
    message: `no live worker${queue.site === null ? '' : ` for site '${queue.site}'`}${backlogText(queue)}`,
    action: `start one: ${startWorker}`,
    trials: [],
  }));
}

/** `; 3 tasks wait, the oldest for 10 s`; empty if no task waits. */
export function backlogText({ backlog, backlogAgeMs }: Pick<QueueState, 'backlog' | 'backlogAgeMs'>): string {
  if (backlog === 0) return '';
  return `; ${count(backlog, 'task')} ${backlog === 1 ? 'waits' : 'wait'}, the oldest for ${age(backlogAgeMs)}`;
}

function personOf({ study, state, approvals, logins }: StudyFacts): readonly Waiting[] {
  const name = quoted(study);
  const found: Waiting[] = [];
  if (state === 'paused')
    found.push({
      kind: 'resume',
      message: 'it is paused',
      action: `to go on: perdure resume ${name}`,
      trials: [],
    });
  if (approvals.length > 0)
    found.push({
      kind: 'approval',
      message: `${count(approvals.length, 'proposal')} of an agent ${approvals.length === 1 ? 'needs' : 'need'} your approval`,
      action: `perdure approve ${name} [N], or perdure reject ${name} [N]`,
      trials: [],
    });
  for (const [site, what] of Object.entries(logins))
    found.push({
      kind: 'login',
      message: `site '${site}' waits for you: ${what}`,
      action: what.includes('perdure login') ? null : `perdure login ${quoted(site)}`,
      trials: [],
    });
  return found;
}

/** A running study has a reason only while it waits for a preparation or for proposals. */
function proposalsOf({ reason, state }: StudyFacts): readonly Waiting[] {
  if (state !== 'running' || reason === '') return [];
  return [
    {
      kind: reason.startsWith('preparing ') ? 'preparation' : 'proposal',
      message: reason,
      action: null,
      trials: [],
    },
  ];
}

function jobsOf({ jobs = [] }: StudyFacts): readonly Waiting[] {
  return [...groups(jobs, ({ why }) => why)].map(([why, those]) => {
    const trials = those.map(({ number }) => number);
    return { kind: 'job', message: plainLine(why, 300), action: isWrongKey(why) ? giveKey : null, trials };
  });
}

/** The sites that no login and no job has mentioned already. */
function sitesOf({ sites = [], logins, jobs = [] }: StudyFacts): readonly Waiting[] {
  return sites.flatMap(({ site, state, reason, free }): readonly Waiting[] => {
    const words = reason.split('\n')[0] ?? '';
    const isMentioned =
      Object.hasOwn(logins, site) || jobs.some(({ why }) => words !== '' && why.includes(words));
    if (isMentioned) return [];
    const because = words === '' ? '' : `: ${plainLine(words, 200)}`;
    const is =
      state === 'down' ? 'is down' : state === 'login' ? 'needs a login' : free === 0 ? 'is full' : null;
    if (is === null) return [];
    const action = state === 'login' ? `perdure login ${quoted(site)}` : null;
    return [{ kind: 'site', message: `site '${site}' ${is}${because}`, action, trials: [] }];
  });
}

function endOf({ state, reason, running }: StudyFacts): readonly Waiting[] {
  if (state !== 'draining') return [];
  const what =
    running === 0
      ? 'it is ending'
      : `it ends when ${count(running, 'running trial')} ${running === 1 ? 'has' : 'have'} ended`;
  return [
    { kind: 'end', message: `${what}${reason === '' ? '' : ` (${reason})`}`, action: null, trials: [] },
  ];
}

/** What a study waits for in one line, for a table; empty if it waits for nothing. */
export function waitingSummary(waiting: readonly Waiting[]): string {
  const [first, ...more] = waiting;
  if (first === undefined) return '';
  const text = waitingText(first);
  return more.length === 0 ? text : `${text} (and ${String(more.length)} more)`;
}

/** What is waited for, with the trials that wait for it. */
export function waitingText({ message, trials }: Waiting): string {
  return trials.length === 0 ? message : `${trialsText(trials)}: ${message}`;
}

/** `trial 3`, or `trials 1, 2, 3, 4 and 5 more`. */
export function trialsText(numbers: readonly number[]): string {
  const shown = numbers.slice(0, 4).map(String).join(', ');
  const more = numbers.length > 4 ? ` and ${String(numbers.length - 4)} more` : '';
  return `trial${numbers.length === 1 ? '' : 's'} ${shown}${more}`;
}

/** A duration in words: `90 s`, `5 min`, `3 h`. */
function age(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${String(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 120 ? `${String(minutes)} min` : `${String(Math.round(minutes / 60))} h`;
}

function groups<T>(items: readonly T[], wordsOf: (item: T) => string): ReadonlyMap<string, readonly T[]> {
  const found = new Map<string, T[]>();
  for (const item of items) {
    const words = wordsOf(item);
    const known = found.get(words);
    if (known === undefined) found.set(words, [item]);
    else known.push(item);
  }
  return found;
}

function count(n: number, what: string): string {
  return `${String(n)} ${what}${n === 1 ? '' : 's'}`;
}

/** Temporal records the reason of the first failure in a series only. */
function times(n: number): string {
  return n === 1 ? 'once' : `${String(n)} times, the first time`;
}
