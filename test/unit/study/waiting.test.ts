import { waitingFor, waitingSummary, waitingText, type StudyFacts } from '../../../src/study/waiting';

const runs: StudyFacts = {
  study: 'digits',
  state: 'running',
  reason: '',
  running: 2,
  logins: {},
  approvals: [],
};
const alive = { site: null, alive: 1, backlog: 0, backlogAgeMs: 0 };
const failed = 'WORKFLOW_TASK_FAILED_CAUSE_WORKFLOW_WORKER_UNHANDLED_FAILURE';

const cases: readonly {
  readonly name: string;
  readonly facts: Partial<StudyFacts>;
  /** Kind, words, what to do. */
  readonly waits: readonly (readonly [string, string, string | null])[];
}[] = [
  { name: 'a study that makes progress waits for nothing', facts: { queues: [alive] }, waits: [] },
  {
    name: 'an ended study waits for nothing',
    facts: { state: 'complete', reason: 'all 24 trials are done', queues: [{ ...alive, alive: 0 }] },
    waits: [],
  },
  { name: 'facts that were not read are not reported', facts: {}, waits: [] },
  {
    name: 'no live worker, with the age of the backlog',
    facts: { queues: [{ site: null, alive: 0, backlog: 3, backlogAgeMs: 240_000 }] },
    waits: [['worker', 'no live worker; 3 tasks wait, the oldest for 4 min', 'start one: perdure up']],
  },
  {
    name: 'no live worker at all says nothing more of the sites',
    facts: {
      queues: [
        { ...alive, alive: 0 },
        { ...alive, site: 'aurora', alive: 0 },
      ],
      startWorker: 'perdure worker',
    },
    waits: [['worker', 'no live worker', 'start one: perdure worker']],
  },
  {
    name: 'no live worker for a site',
    facts: { queues: [alive, { site: 'aurora', alive: 0, backlog: 1, backlogAgeMs: 30_000 }] },
    waits: [
      [
        'worker',
        "no live worker for site 'aurora'; 1 task waits, the oldest for 30 s",
        'start one: perdure up',
      ],
    ],
  },
  {
    name: 'a wrong encryption key',
    facts: {
      tasks: [{ trial: null, attempts: 7, cause: failed, message: 'this was encrypted with another key' }],
    },
    waits: [
      [
        'workflow_task',
        "the study's workflow task has failed 7 times, the first time: this was encrypted with another key",
        'restart the worker with the encryption key that the study was started with',
      ],
    ],
  },
  {
    name: 'a worker of another version, in two trials',
    facts: {
      tasks: [4, 5].map((trial) => ({
        trial,
        attempts: trial,
        cause: 'WORKFLOW_TASK_FAILED_CAUSE_NON_DETERMINISTIC_ERROR',
        message: 'Nondeterminism error: no command',
      })),
    },
    waits: [
      [
        'workflow_task',
        'trials 4, 5: each workflow task has failed 5 times, the first time: non deterministic error: Nondeterminism error: no command',
        'a worker of another version of Perdure runs this study: run the same version on all workers',
      ],
    ],
  },
  {
    name: 'workflow task timeouts',
    facts: { tasks: [{ trial: null, attempts: 1, cause: 'START_TO_CLOSE timeout', message: '' }] },
    waits: [
      [
        'workflow_task',
        "the study's workflow task has failed once: start to close timeout",
        'its worker is overloaded, hangs or was killed: see its log and the load of its host',
      ],
    ],
  },
  {
    name: 'a paused study',
    facts: { state: 'paused', reason: 'paused by a person', study: 'my study' },
    waits: [['resume', 'it is paused', "to go on: perdure resume 'my study'"]],
  },
  {
    name: 'approvals and a login',
    facts: { approvals: [3, 4], logins: { aurora: 'its passcode is needed' } },
    waits: [
      [
        'approval',
        '2 proposals of an agent need your approval',
        'perdure approve digits [N], or perdure reject digits [N]',
      ],
      ['login', "site 'aurora' waits for you: its passcode is needed", 'perdure login aurora'],
    ],
  },
  {
    name: 'a preparation',
    facts: { reason: 'preparing aurora' },
    waits: [['preparation', 'preparing aurora', null]],
  },
  {
    name: 'a proposal that cannot be made',
    facts: { reason: 'no proposal could be made since 10:00: Optuna is away; it is tried again' },
    waits: [['proposal', 'no proposal could be made since 10:00: Optuna is away; it is tried again', null]],
  },
  {
    name: 'jobs in a queue, grouped by their reason',
    facts: {
      jobs: [
        { number: 1, why: 'the job is queued: Not Running: no nodes' },
        { number: 2, why: 'the job is queued: Not Running: no nodes' },
        { number: 3, why: 'the site does not answer' },
      ],
    },
    waits: [
      ['job', 'trials 1, 2: the job is queued: Not Running: no nodes', null],
      ['job', 'trial 3: the site does not answer', null],
    ],
  },
  {
    name: 'sites that are down or full, where no trial has said so',
    facts: {
      jobs: [{ number: 1, why: 'no site takes a trial now: aurora is down: maintenance' }],
      sites: [
        { site: 'aurora', state: 'down', reason: 'maintenance', free: 0 },
        { site: 'polaris', state: 'down', reason: 'no route to host\nsee VPN', free: 0 },
        { site: 'local', state: 'ok', reason: '', free: 0 },
        { site: 'other', state: 'ok', reason: '', free: 2 },
      ],
    },
    waits: [
      ['job', 'trial 1: no site takes a trial now: aurora is down: maintenance', null],
      ['site', "site 'polaris' is down: no route to host", null],
      ['site', "site 'local' is full", null],
    ],
  },
  {
    name: 'a draining study',
    facts: { state: 'draining', reason: 'stopped by a person', running: 2 },
    waits: [['end', 'it ends when 2 running trials have ended (stopped by a person)', null]],
  },
];

test.each(cases)('$name', ({ facts, waits }) => {
  const found = waitingFor({ ...runs, ...facts });
  expect(found.map((one) => [one.kind, waitingText(one), one.action])).toEqual(waits);
});

test('the most fundamental reason is in the summary', () => {
  const facts: StudyFacts = { ...runs, approvals: [1], queues: [{ ...alive, alive: 0 }] };
  expect(waitingSummary(waitingFor(facts))).toBe('no live worker (and 1 more)');
  expect(waitingSummary([])).toBe('');
});
