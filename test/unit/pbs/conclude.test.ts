import { conclude, type JobSight } from '../../../src/schedulers/pbs/conclude';
import type { Facts } from '../../../src/schedulers/remote/attempt-view';
import type { PbsEnd, Phase } from '../../../src/schedulers/pbs/job-phase';
import type { JobObservation } from '../../../src/schedulers/scheduler';

const grace = 10_000;
const staged: Facts = {
  gone: false,
  status: null,
  hasResult: false,
  unfinished: null,
  stop: null,
  owner: null,
  ready: false,
  block: null,
};
const owner = { jobId: '1.pbs', host: 'node1', startedAt: new Date(1000) };
const begun: Facts = { ...staged, owner };
const stop = { reason: 'cancelled', why: 'enough' } as const;
const inBlock: Facts = { ...begun, block: 'b000001' };

function status(
  code: number,
  more: { stopped?: boolean; signalled?: boolean; doubtful?: boolean } = {},
): Partial<Facts> {
  return { status: { code, stopped: false, signalled: false, doubtful: more.signalled ?? false, ...more } };
}

function job(phase: Phase, forMs = 0): JobSight {
  return { kind: 'seen', id: '1.pbs', phase, forMs };
}

function over(end: PbsEnd, forMs = 0): JobSight {
  return job({ state: 'done', end }, forMs);
}

function elsewhere(forMs: number): JobSight {
  return over({ how: 'elsewhere' }, forMs);
}

function missing(times: number, forMs: number): JobSight {
  return { kind: 'missing', id: '1.pbs', times, forMs };
}

/** An observation in a few words. */
function shown(seen: JobObservation): string {
  switch (seen.state) {
    case 'done':
      return seen.end.how === 'exited' ? `exit ${String(seen.end.status)}` : seen.end.how;
    case 'lost':
      return `lost to ${String(seen.cause)}`;
    default:
      return seen.state;
  }
}

const unseen: JobSight = { kind: 'unseen' };
const running = job({ state: 'running' });
const walltime = over({ how: 'walltime' });
const exited = (code: number): PbsEnd => ({ how: 'exited', status: code });

const cases: readonly (readonly [string, Facts, JobSight, string])[] = [
  ['nothing is known yet', staged, unseen, 'pending'],
  ['it is queued', staged, job({ state: 'pending', note: '' }), 'pending'],
  ['PBS runs it and it has not spoken yet', staged, running, 'pending'],
  ['it runs', begun, running, 'running'],
  ['it runs and nobody asked PBS', begun, unseen, 'running'],
  ['its directory is gone', { ...staged, gone: true }, unseen, 'lost to site'],
  [
    'its own word of success counts before that of PBS',
    { ...begun, ...status(0), hasResult: true },
    running,
    'exit 0',
  ],
  ['an end without success has to be explained by PBS first', { ...begun, ...status(0) }, running, 'running'],
  ['an error in a block, where the pilot knows', { ...inBlock, ...status(3) }, running, 'exit 3'],
  ['its own word counts though PBS forgot the job', { ...begun, ...status(3) }, missing(9, 99_999), 'exit 3'],
  ['an exit status of its own', { ...begun, ...status(1) }, over(exited(1)), 'exit 1'],
  [
    'a signal has to be explained by PBS first',
    { ...begun, ...status(143, { doubtful: true }) },
    running,
    'running',
  ],
  [
    'the walltime, though it trapped the signal',
    { ...begun, ...status(0, { doubtful: true }) },
    walltime,
    'lost to walltime',
  ],
  ['the walltime, without a word', begun, walltime, 'lost to walltime'],
  ['the walltime, after its success', { ...begun, ...status(0), hasResult: true }, walltime, 'exit 0'],
  [
    'the walltime, whose signal the wrapper had not heard yet',
    { ...begun, ...status(0) },
    walltime,
    'lost to walltime',
  ],
  [
    'a signal that PBS did not send',
    { ...begun, ...status(139, { doubtful: true }) },
    over({ how: 'signalled', signal: 11, whole: false }),
    'exit 139',
  ],
  [
    'everything was killed at once',
    { ...begun, ...status(137, { doubtful: true }) },
    over({ how: 'signalled', signal: 9, whole: true }),
    'lost to site',
  ],
  ['somebody deleted it', begun, over({ how: 'deleted', why: '' }), 'lost to site'],
  ['we deleted it', { ...begun, stop }, over({ how: 'deleted', why: '' }), 'stopped'],
  [
    'it heard of the stop',
    { ...begun, stop, ...status(143, { stopped: true, doubtful: true }) },
    running,
    'stopped',
  ],
  ['it had ended before the stop', { ...begun, stop, ...status(3) }, over(exited(3)), 'exit 3'],
  ['it was stopped before it began', { ...staged, stop }, unseen, 'stopped'],
  ['it was asked to stop and has not yet', { ...begun, stop }, running, 'running'],
  ['PBS never ran it', staged, over({ how: 'never_ran', why: 'no' }), 'lost to site'],
  ['PBS holds it for good', staged, job({ state: 'stuck', note: 'too many' }), 'lost to site'],
  ['its end may still be on its way', begun, over(exited(0), grace - 1), 'running'],
  ['its end never came', begun, over(exited(0), grace), 'lost to site'],
  ['missing once', begun, missing(1, 99_999), 'running'],
  ['missing thrice in a moment', begun, missing(3, grace - 1), 'running'],
  ['missing thrice and for long', begun, missing(3, grace), 'lost to site'],
  ['missing after a stop', { ...begun, stop }, missing(3, grace), 'stopped'],
  ['a state that nobody knows', begun, job({ state: 'unknown', note: 'Z' }), 'unknown'],
  ['ready for a block', { ...staged, ready: true }, unseen, 'pending'],
  ['it runs in a block', inBlock, running, 'running'],
  ['its block has ended', inBlock, over(exited(0), grace), 'lost to block'],
  ['its block came to its walltime', inBlock, walltime, 'lost to block'],
  [
    'it died with its block',
    { ...inBlock, ...status(137, { doubtful: true }) },
    over({ how: 'signalled', signal: 9, whole: true }),
    'lost to block',
  ],
  [
    'its block is ending it',
    { ...inBlock, unfinished: { reason: 'walltime', over: false } },
    running,
    'running',
  ],
  [
    'its block has ended it',
    { ...inBlock, ...status(0), unfinished: { reason: 'walltime', over: true } },
    running,
    'lost to block',
  ],
  [
    'it was done when its block ended it',
    { ...inBlock, ...status(0), hasResult: true, unfinished: { reason: 'walltime', over: false } },
    running,
    'exit 0',
  ],
  [
    'its own processes were killed in a block that goes on',
    { ...inBlock, unfinished: { reason: 'lost', over: true } },
    running,
    'lost to site',
  ],
  ['its block is gone', inBlock, missing(3, grace), 'lost to block'],
  [
    'its block ends it, and PBS did not know the block for a moment',
    { ...inBlock, unfinished: { reason: 'walltime', over: false } },
    missing(3, grace - 1),
    'running',
  ],
  [
    'its block was ending it and is gone',
    { ...inBlock, unfinished: { reason: 'walltime', over: false } },
    missing(3, grace),
    'lost to block',
  ],
  [
    'it was signalled in a block that is gone',
    { ...inBlock, ...status(143, { signalled: true }) },
    missing(3, grace),
    'lost to block',
  ],
  [
    'it was signalled, and PBS keeps no history',
    { ...begun, ...status(143, { signalled: true }) },
    missing(3, grace),
    'lost to walltime',
  ],
  [
    'it died of a signal of its own, and PBS keeps no history',
    { ...begun, ...status(139, { doubtful: true }) },
    missing(3, grace),
    'exit 139',
  ],
  ['it is at another server', staged, job({ state: 'moved' }), 'pending'],
  ['it runs at another server', begun, job({ state: 'moved' }), 'running'],
  [
    'it was told to end at another server, at its walltime as far as anybody can tell',
    { ...begun, ...status(143, { signalled: true }) },
    job({ state: 'moved' }),
    'lost to walltime',
  ],
  ['it has ended at another server, and its word may be on its way', begun, elsewhere(grace - 1), 'running'],
  ['it has ended at another server without a word', begun, elsewhere(grace), 'lost to site'],
  ['it has ended at another server before it began', staged, elsewhere(grace), 'lost to site'],
  ['it failed at another server', { ...begun, ...status(3) }, elsewhere(0), 'exit 3'],
  [
    'it was told to end at another server that has told of its end',
    { ...begun, ...status(143, { signalled: true }) },
    elsewhere(0),
    'lost to walltime',
  ],
  ['it has begun, and the listing is older', begun, job({ state: 'pending', note: '' }, -5), 'running'],
  ['PBS put it back into its queue', begun, job({ state: 'pending', note: '' }, grace), 'lost to site'],
  ['PBS put its block back', inBlock, job({ state: 'pending', note: '' }, grace), 'lost to block'],
  [
    'PBS takes long to end it, and it failed',
    { ...begun, ...status(3) },
    job({ state: 'exiting', end: exited(3) }),
    'exit 3',
  ],
  [
    'PBS takes long to end it, and it has not spoken',
    begun,
    job({ state: 'exiting', end: exited(3) }),
    'running',
  ],
  [
    'PBS takes long to end it after its walltime',
    { ...begun, ...status(3) },
    job({ state: 'exiting', end: { how: 'walltime' } }),
    'lost to walltime',
  ],
  ['it used too much memory', begun, over({ how: 'limit', why: 'mem' }), 'lost to site'],
  [
    'it used too much memory, and its own word is there',
    { ...begun, ...status(137, { doubtful: true }) },
    over({ how: 'limit', why: 'mem' }),
    'exit 137',
  ],
];

test.each(cases)('%s', (_name, facts, sight, expected) => {
  expect(shown(conclude(facts, sight, { grace, walltime: 60_000 }))).toBe(expected);
});

test('a person is told in words what became of a job', () => {
  const why = (facts: Facts, sight: JobSight): string => {
    const seen = conclude(facts, sight, { grace });
    return 'why' in seen ? seen.why : '';
  };
  expect(why(staged, missing(3, grace))).toContain('a queue that it was passed on to may have refused it');
  expect(why(staged, over(exited(2), grace))).toContain('exit status 2 before the trial began');
  expect(why(staged, job({ state: 'stuck', note: 'job held, too many failed attempts to run' }))).toContain(
    'too many failed attempts to run',
  );
  expect(why(begun, over({ how: 'deleted', why: '' }))).toContain('qdel');
  expect(why(begun, job({ state: 'pending', note: 'node 4 is down' }, grace))).toContain(
    'back into its queue after it had begun, as when a node fails: node 4 is down',
  );
});

test('what PBS says of a waiting job is handed on', () => {
  expect(conclude(staged, job({ state: 'pending', note: 'Can Never Run: no' }), { grace })).toEqual({
    state: 'pending',
    note: 'Can Never Run: no',
  });
});
