import { plainLine } from './plain-text';
import type { StudyState } from './progress';
import { quoted } from './shell-word';
import type { HealthState } from './site-health';

/**
 * What a study can wait for:
 * - `workflow_task`: a workflow task that fails or times out again and again
 * - `worker`: a live worker for one of its task queues
 * - `resume`, `approval`, `login`: a person
 * - `preparation`, `proposal`: the preparation of a site; a proposal that cannot be made at present
 * - `site`: a site that is down, full or not well
 * - `job`: jobs in a scheduler's queue, or trials that no site takes now
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
  /** What it waits for; {@link waitingText} puts the trials before it. */
  readonly message: string;
  /** What a person can do, ready to type where possible; `null`: nothing but wait. */
  readonly action: string | null;
  /** Numbers of the trials that wait; empty where the whole study does. */
  readonly trials: readonly number[];
}

/** A workflow task that has failed at least once and is tried again. */
export interface FailingTask {
  /** The trial whose workflow it is; `null`: the study's own. */
  readonly trial: number | null;
  /** How often it has been tried. */
  readonly attempts: number;
  /** Temporal's cause, as `WORKFLOW_TASK_FAILED_CAUSE_NON_DETERMINISTIC_ERROR` or `START_TO_CLOSE timeout`; `null`: not known. */
  readonly cause: string | null;
  /** What the worker reported; empty for a timeout. */
  readonly message: string;
}

/** The workers and the backlog of one task queue. */
export interface QueueState {
  /** The site that it serves; `null`: the queue of the studies themselves. */
  readonly site: string | null;
  /** Live workers. */
  readonly alive: number;
  /** Tasks that no worker has taken yet, about. */
  readonly backlog: number;
  /** Age of the oldest of them (milliseconds); 0 where there is none. */
  readonly backlogAgeMs: number;
}

/** A site as workers have reported it lately. */
export interface SiteFact {
  readonly site: string;
  readonly state: HealthState;
  readonly reason: string;
  /** Trials that it would take now; `null`: no limit. */
  readonly free: number | null;
}

/** What is known of a study. Facts that were not read are absent, and nothing is said of them. */
export interface StudyFacts {
  readonly study: string;
  readonly state: StudyState;
  /** Why it is in that state; empty while it runs. */
  readonly reason: string;
  /** What keeps a running study from making proposals, where it is known. */
  readonly held?: 'preparation' | 'proposal';
  /** Numbers of running trials, or how many there are. */
  readonly running: number;
  /** Sites that need a login, with what to do. */
  readonly logins: Readonly<Record<string, string>>;
  /** Numbers of the proposals that need an approval. */
  readonly approvals: readonly number[];
  readonly tasks?: readonly FailingTask[];
  readonly queues?: readonly QueueState[];
  readonly sites?: readonly SiteFact[];
  /** Running trials whose last look at their job said why it waits. */
  readonly jobs?: readonly { readonly number: number; readonly why: string }[];
  /** How a worker is started here. */
  readonly startWorker?: string;
}

/**
 * What a study waits for, the most fundamental thing first: where workflow tasks fail or no worker is alive, nothing else can
 * be known to be up to date. Empty where it makes progress or has ended. Every command and Temporal UI use this function.
 */
export function waitingFor(facts: StudyFacts): readonly Waiting[] {
  if (hasEnded(facts.state)) return [];
  return [
    ...tasksOf(facts),
    ...workersOf(facts),
    ...personOf(facts),
    ...heldOf(facts),
    ...jobsOf(facts),
    ...sitesOf(facts),
    ...endOf(facts),
  ];
}

function hasEnded(state: StudyState): boolean {
  return state === 'stopped' || state === 'complete' || state === 'failed';
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

/** The first line of what the worker said; for a timeout, that. */
function failureWords({ cause, message }: FailingTask): string {
  const words = plainLine(message.split('\n')[0] ?? '', 300);
  const name =
    cause
      ?.replace(/^WORKFLOW_TASK_FAILED_CAUSE_/, '')
      .toLowerCase()
      .replaceAll('_', ' ') ?? '';
  // The cause is Temporal's catch-all for errors that a worker throws: it adds nothing to the error.
  if (name === '' || name === 'workflow worker unhandled failure')
    return words === '' ? 'no reason is known' : words;
  return words === '' ? name : `${name}: ${words}`;
}

function taskAction(task: FailingTask | undefined): string {
  const { cause = null, message = '' } = task ?? {};
  if (isWrongKey(message)) return giveKey;
  if (/NON_?DETERMINIS/i.test(`${cause ?? ''} ${message}`))
    return 'a worker of another version of Perdure has this study: run workers of one version';
  if (cause !== null && /timeout/i.test(cause))
    return 'its worker is overloaded, hangs or was killed: see its log and the load of its host';
  return "see the worker's log: perdure doctor";
}

const giveKey = 'give the worker the encryption key with which the study was started, and start it again';

/** In the words of `EncryptionCodec` in `src/client/payload-encryption`. */
function isWrongKey(words: string): boolean {
  return words.includes('encrypted with another key');
}

function workersOf({ queues = [], startWorker = 'perdure up' }: StudyFacts): readonly Waiting[] {
  const dead = queues.filter(({ alive }) => alive === 0);
  const own = dead.find(({ site }) => site === null);
  // Without a worker of the studies' queue, nothing happens at any site.
  const named = own === undefined ? dead : [own];
  return named.map(({ site, backlog, backlogAgeMs }) => {
    const tasks =
      backlog === 0
        ? ''
        : `; ${count(backlog, 'task')} ${backlog === 1 ? 'waits' : 'wait'}, the oldest for ${age(backlogAgeMs)}`;
    return {
      kind: 'worker',
      message: `no live worker${site === null ? '' : ` for site '${site}'`}${tasks}`,
      action: `start one: ${startWorker}`,
      trials: [],
    };
  });
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

function heldOf({ held, reason, state }: StudyFacts): readonly Waiting[] {
  if (held === undefined && (state !== 'running' || reason === '')) return [];
  return [
    {
      kind: held ?? (reason.startsWith('preparing ') ? 'preparation' : 'proposal'),
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

/** Only those of which nothing else was said. */
function sitesOf({ sites = [], logins, jobs = [] }: StudyFacts): readonly Waiting[] {
  return sites.flatMap(({ site, state, reason, free }): readonly Waiting[] => {
    const words = reason.split('\n')[0] ?? '';
    const told = Object.hasOwn(logins, site) || jobs.some(({ why }) => words !== '' && why.includes(words));
    if (told) return [];
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

/** What a study waits for in one line, for a table. @returns empty where it waits for nothing */
export function waitingSummary(waiting: readonly Waiting[]): string {
  const [first, ...more] = waiting;
  if (first === undefined) return '';
  const text = waitingText(first);
  return more.length === 0 ? text : `${text} (and ${String(more.length)} more)`;
}

/** One thing in words, with the trials that wait for it. */
export function waitingText({ message, trials }: Waiting): string {
  return trials.length === 0 ? message : `${trialsText(trials)}: ${message}`;
}

/** `trial 3`, or `trials 1, 2, 3, 4 and 5 more`. */
export function trialsText(numbers: readonly number[]): string {
  const shown = numbers.slice(0, 4).map(String).join(', ');
  const more = numbers.length > 4 ? ` and ${String(numbers.length - 4)} more` : '';
  return `trial${numbers.length === 1 ? '' : 's'} ${shown}${more}`;
}

/** A duration as a person says it. */
export function age(ms: number): string {
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

/** Temporal keeps the reason of the first failure of a series. */
function times(n: number): string {
  return n === 1 ? 'once' : `${String(n)} times, the first time`;
}
