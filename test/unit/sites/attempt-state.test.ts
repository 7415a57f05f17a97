import {
  attemptState,
  type AttemptFiles,
  type AttemptState,
  type Rules,
} from '../../../src/sites/attempt-state';
import type { JobPhase, JobReport, ReportedEnd } from '../../../src/sites/job-report';

const grace = 10_000;
/** All observations of the table are made at this moment of the monotonic clock, 100 s after the calendar's start. */
const now = { steady: 1_000_000, date: new Date(100_000) };
const rules: Rules = { scheduler: 'PBS', grace, walltime: 60_000 };
const staged: AttemptFiles = {
  seenAt: now.steady,
  gone: false,
  begun: null,
  status: null,
  endedAt: null,
  hasResult: false,
  unfinished: null,
  stop: null,
  tombstone: null,
  replacedBy: null,
  block: null,
};
const begun: AttemptFiles = {
  ...staged,
  begun: { startedAt: new Date(1000), firstSeenAt: now.steady - 50_000 },
};
const stop = { reason: 'cancelled', why: 'enough' } as const;
const tombstone = { cause: 'site', why: 'its node died' } as const;
const inBlock: AttemptFiles = { ...begun, block: 'b000001' };

function status(
  code: number,
  more: { stopped?: boolean; signalled?: boolean; doubtful?: boolean } = {},
): Partial<AttemptFiles> {
  return { status: { code, stopped: false, signalled: false, doubtful: more.signalled ?? false, ...more } };
}

/** @param forMs for how long the job has been reported in this phase */
function job(phase: JobPhase, forMs = 0): JobReport {
  return { id: '1.pbs', phase, since: now.steady - forMs, at: now.steady };
}

function over(end: ReportedEnd, forMs = 0): JobReport {
  return job({ state: 'ended', end }, forMs);
}

function elsewhere(forMs: number): JobReport {
  return over({ how: 'elsewhere' }, forMs);
}

function absent(times: number, forMs: number): JobReport {
  return job({ state: 'absent', times }, forMs);
}

/** A state in a few words; `seems lost to …`: it will be lost once its tombstone is there. */
function shown(seen: AttemptState): string {
  switch (seen.state) {
    case 'ended':
      return seen.end.how === 'exited' ? `exit ${String(seen.end.status)}` : seen.end.how;
    case 'lost':
      return `lost to ${seen.cause}`;
    case 'unknown':
      return seen.loss === undefined ? 'unknown' : `seems lost to ${seen.loss.cause}`;
    default:
      return seen.state;
  }
}

const unreported: JobReport | null = null;
const running = job({ state: 'running' });
const walltime = over({ how: 'walltime' });
const exited = (code: number): ReportedEnd => ({ how: 'exited', status: code });

const cases: readonly (readonly [string, AttemptFiles, JobReport | null, string])[] = [
  ['nothing is known yet', staged, unreported, 'waiting'],
  ['it is queued', staged, job({ state: 'waiting', note: '' }), 'waiting'],
  ['PBS runs it, and its wrapper has not written anything yet', staged, running, 'waiting'],
  ['it runs', begun, running, 'running'],
  ['it runs and nobody asked PBS', begun, unreported, 'running'],
  ['its directory is gone', { ...staged, gone: true }, unreported, 'seems lost to site'],
  [
    'its own success counts before what PBS says',
    { ...begun, ...status(0), hasResult: true },
    running,
    'exit 0',
  ],
  ['an end without success has to be explained by PBS first', { ...begun, ...status(0) }, running, 'unknown'],
  ['an error in a block, where the pilot knows', { ...inBlock, ...status(3) }, running, 'exit 3'],
  [
    'its exit status counts even if PBS has forgotten the job',
    { ...begun, ...status(3) },
    absent(9, 99_999),
    'exit 3',
  ],
  ['an exit status of its own', { ...begun, ...status(1) }, over(exited(1)), 'exit 1'],
  [
    'a signal has to be explained by PBS first',
    { ...begun, ...status(143, { doubtful: true }) },
    running,
    'unknown',
  ],
  [
    'the walltime, though it trapped the signal',
    { ...begun, ...status(0, { doubtful: true }) },
    walltime,
    'seems lost to walltime',
  ],
  ['the walltime, without an exit status', begun, walltime, 'seems lost to walltime'],
  ['the walltime, after its success', { ...begun, ...status(0), hasResult: true }, walltime, 'exit 0'],
  [
    'the walltime, whose signal the wrapper had not received yet',
    { ...begun, ...status(0) },
    walltime,
    'seems lost to walltime',
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
    'seems lost to site',
  ],
  ['somebody deleted it', begun, over({ how: 'deleted', why: '' }), 'seems lost to site'],
  ['we deleted it', { ...begun, stop }, over({ how: 'deleted', why: '' }), 'stopped'],
  [
    'it was stopped by the request',
    { ...begun, stop, ...status(143, { stopped: true, doubtful: true }) },
    running,
    'stopped',
  ],
  ['it had ended before the stop', { ...begun, stop, ...status(3) }, over(exited(3)), 'exit 3'],
  ['it was stopped before it began', { ...staged, stop }, unreported, 'stopped'],
  ['it was asked to stop and has not yet', { ...begun, stop }, running, 'running'],
  ['PBS never ran it', staged, over({ how: 'never_ran', why: 'no' }), 'seems lost to site'],
  ['PBS holds it for good', staged, job({ state: 'held', note: 'too many' }), 'seems lost to site'],
  ['its end may still be on its way', begun, over(exited(0), grace - 1), 'unknown'],
  ['its end never came', begun, over(exited(0), grace), 'seems lost to site'],
  ['missing once', begun, absent(1, 99_999), 'unknown'],
  ['missing thrice in a moment', begun, absent(3, grace - 1), 'unknown'],
  ['missing thrice and for long', begun, absent(3, grace), 'seems lost to site'],
  ['missing after a stop', { ...begun, stop }, absent(3, grace), 'stopped'],
  ['an unrecognized state', begun, job({ state: 'unrecognized', note: 'Z' }), 'unknown'],
  ['ready for a block', staged, unreported, 'waiting'],
  ['it runs in a block', inBlock, running, 'running'],
  ['its block has ended', inBlock, over(exited(0), grace), 'seems lost to block'],
  ['its block came to its walltime', inBlock, walltime, 'seems lost to block'],
  [
    'it died with its block',
    { ...inBlock, ...status(137, { doubtful: true }) },
    over({ how: 'signalled', signal: 9, whole: true }),
    'seems lost to block',
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
    'seems lost to block',
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
    'seems lost to site',
  ],
  ['its block is gone', inBlock, absent(3, grace), 'seems lost to block'],
  [
    'its block ends it, and PBS did not know the block for a moment',
    { ...inBlock, unfinished: { reason: 'walltime', over: false } },
    absent(3, grace - 1),
    'unknown',
  ],
  [
    'its block was ending it and is gone',
    { ...inBlock, unfinished: { reason: 'walltime', over: false } },
    absent(3, grace),
    'seems lost to block',
  ],
  [
    'it was signalled in a block that is gone',
    { ...inBlock, ...status(143, { signalled: true }) },
    absent(3, grace),
    'seems lost to block',
  ],
  [
    'it was signalled, and PBS keeps no history',
    { ...begun, ...status(143, { signalled: true }) },
    absent(3, grace),
    'seems lost to walltime',
  ],
  [
    'it died of a signal of its own, and PBS keeps no history',
    { ...begun, ...status(139, { doubtful: true }) },
    absent(3, grace),
    'exit 139',
  ],
  ['it is at another server', staged, job({ state: 'moved' }), 'waiting'],
  ['it runs at another server', begun, job({ state: 'moved' }), 'running'],
  [
    'it received a signal at another server, probably at its walltime',
    { ...begun, ...status(143, { signalled: true }) },
    job({ state: 'moved' }),
    'seems lost to walltime',
  ],
  [
    'it has ended at another server, and its files may not be visible yet',
    begun,
    elsewhere(grace - 1),
    'unknown',
  ],
  ['it has ended at another server without an exit status', begun, elsewhere(grace), 'seems lost to site'],
  ['it has ended at another server before it began', staged, elsewhere(grace), 'seems lost to site'],
  ['it failed at another server', { ...begun, ...status(3) }, elsewhere(0), 'exit 3'],
  [
    'it received a signal at another server, which has reported its end',
    { ...begun, ...status(143, { signalled: true }) },
    elsewhere(0),
    'seems lost to walltime',
  ],
  [
    'it has begun, and the listing is older',
    begun,
    { ...job({ state: 'waiting', note: '' }), at: now.steady - 60_000, since: now.steady - 60_000 },
    'running',
  ],
  ['it has begun, and PBS says that it waits', begun, job({ state: 'waiting', note: '' }), 'unknown'],
  [
    'its node lost PBS, and its processes may live on',
    begun,
    over({ how: 'never_ran', why: 'no mom' }),
    'seems lost to site',
  ],
  ['it was given up', { ...begun, tombstone }, running, 'lost to site'],
  [
    'it was given up with its block',
    { ...inBlock, tombstone: { cause: 'block', why: '' } },
    running,
    'lost to block',
  ],
  ['it was given up before it began', { ...staged, tombstone }, unreported, 'lost to site'],
  [
    'it left a result after it was given up',
    { ...begun, tombstone, ...status(0), hasResult: true },
    unreported,
    'exit 0',
  ],
  ['it failed after it was given up', { ...begun, tombstone, ...status(3) }, unreported, 'lost to site'],
  ['the result of an earlier attempt counts instead', { ...staged, replacedBy: 1 }, unreported, 'exit 0'],
  ['it failed, and PBS keeps no history', { ...begun, ...status(3) }, absent(1, 0), 'exit 3'],
  [
    'it was signalled, and PBS does not know it',
    { ...begun, ...status(143, { signalled: true }) },
    absent(1, 0),
    'unknown',
  ],
  [
    'it was looked at before its end was known',
    { ...begun, seenAt: now.steady - 99_000 },
    over(exited(0), 60_000),
    'unknown',
  ],
  ['PBS put it back into its queue', begun, job({ state: 'waiting', note: '' }, grace), 'seems lost to site'],
  ['PBS put its block back', inBlock, job({ state: 'waiting', note: '' }, grace), 'seems lost to block'],
  [
    'PBS takes long to end it, and it failed',
    { ...begun, ...status(3) },
    job({ state: 'ending', end: exited(3) }),
    'exit 3',
  ],
  [
    'PBS takes long to end it, and there is no exit status',
    begun,
    job({ state: 'ending', end: exited(3) }),
    'unknown',
  ],
  [
    'PBS takes long to end it after its walltime',
    { ...begun, ...status(3) },
    job({ state: 'ending', end: { how: 'walltime' } }),
    'seems lost to walltime',
  ],
  ['it used too much memory', begun, over({ how: 'limit', why: 'mem' }), 'seems lost to site'],
  [
    'it used too much memory, and its exit status is there',
    { ...begun, ...status(137, { doubtful: true }) },
    over({ how: 'limit', why: 'mem' }),
    'exit 137',
  ],
];

test.each(cases)('%s', (_name, files, report, expected) => {
  expect(shown(attemptState(files, report, rules, now))).toBe(expected);
});

test('a message explains the loss of a job', () => {
  const why = (files: AttemptFiles, report: JobReport | null): string => {
    const seen = attemptState(files, report, { scheduler: 'PBS', grace }, now);
    return 'why' in seen ? seen.why : '';
  };
  expect(why(staged, absent(3, grace))).toContain('a queue that it was passed on to may have refused it');
  expect(why(staged, over(exited(2), grace))).toContain('exit status 2 before the trial began');
  expect(why(staged, job({ state: 'held', note: 'job held, too many failed attempts to run' }))).toContain(
    'too many failed attempts to run',
  );
  expect(why(begun, over({ how: 'deleted', why: '' }))).toContain('qdel');
  expect(why(begun, job({ state: 'waiting', note: 'node 4 is down' }, grace))).toContain(
    'back into its queue after it had begun, as when a node fails: node 4 is down',
  );
  expect(why({ ...begun, tombstone }, null)).toBe('its node died');
});

test('the note of PBS about a waiting job is kept', () => {
  expect(attemptState(staged, job({ state: 'waiting', note: 'Can Never Run: no' }), rules, now)).toEqual({
    state: 'waiting',
    note: 'Can Never Run: no',
  });
});

test('a running attempt is known to run until the older of the two last observations', () => {
  const known = (files: AttemptFiles, report: JobReport | null): number | undefined => {
    const seen = attemptState(files, report, rules, now);
    return seen.state === 'running' ? seen.knownAt?.getTime() : undefined;
  };
  expect(known(begun, running)).toBe(100_000);
  expect(known({ ...begun, seenAt: now.steady - 7000 }, running)).toBe(93_000);
  expect(known(begun, { ...running, at: now.steady - 9000 })).toBe(91_000);
  // That it began is all that is known.
  expect(known(begun, null)).toBe(1000);
  expect(known(begun, job({ state: 'moved' }))).toBe(1000);
});
