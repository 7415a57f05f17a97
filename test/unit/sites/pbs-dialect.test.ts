import { phaseOf, type PbsJob } from '../../../src/sites/dialects/pbs';
import type { JobPhase } from '../../../src/sites/job-report';

function phase(state: string, more: Partial<PbsJob> = {}): JobPhase {
  return phaseOf({ id: '1.pbs', state, substate: null, exitStatus: null, comment: '', ...more });
}

/** What a person reads of a job that ended; the state where it has not. */
function words(one: JobPhase): string {
  if (one.state !== 'ended') return one.state;
  return 'why' in one.end ? `${one.end.how}: ${one.end.why}` : one.end.how;
}

test.each([
  ['queued', 'Q', 'waiting'],
  ['waiting for its time', 'W', 'waiting'],
  ['on its way to another queue', 'T', 'waiting'],
  ['held', 'H', 'waiting'],
  ['running', 'R', 'running'],
  ['suspended', 'S', 'running'],
  ['suspended for the owner of a workstation', 'U', 'running'],
  ['an array that has begun', 'B', 'running'],
  ['moved', 'M', 'moved'],
  ['nothing that is known', '?', 'unrecognized'],
])('%s', (_name, state, expected) => {
  expect(phase(state).state).toBe(expected);
});

test('a job that PBS moved is followed until the other server has told of its end', () => {
  const comment = 'Job finished at "other"';
  expect(phase('M', { substate: 94, comment: 'Job has been moved to "other"' }).state).toBe('moved');
  expect(words(phase('M', { substate: 92, comment }))).toBe('elsewhere');
});

test('a job that PBS holds after failed starts will never run, whatever its last start failed of', () => {
  const comment = 'job held, too many failed attempts to run';
  expect(phase('H', { exitStatus: -3, comment })).toEqual({ state: 'held', note: comment });
  expect(phase('H', { exitStatus: -16, comment }).state).toBe('held');
  expect(phase('H', { comment: 'Job held by root on Wed Nov 25' }).state).toBe('waiting');
});

test.each([
  [-1, 93, 'never_ran: it could not be started'],
  [-4, 93, 'never_ran: pbs_mom was restarted, and ended it'],
  [-10, 93, 'never_ran: the user or group of the job is not known on the node'],
  [-20, 93, "never_ran: the connection to the job's first node was lost"],
  [-24, 93, 'limit: it used more CPUs at once than it had asked for (ncpus)'],
  [-27, 93, 'limit: it used more memory than it had asked for (mem)'],
  [-28, 93, 'limit: it used more CPU time than it had asked for (cput)'],
  [-29, 93, 'walltime'],
  [-77, 93, 'never_ran: PBS ended it with status -77'],
  [271, 91, 'deleted: '],
  [271, 93, 'signalled'],
  [0, 92, 'exited'],
])('Exit_status %i in words', (exitStatus, substate, expected) => {
  expect(words(phase('F', { exitStatus, substate }))).toBe(expected);
});

test('a job in state E is ending as soon as its exit status is known', () => {
  expect(phase('E').state).toBe('running');
  expect(phase('E', { exitStatus: -29 })).toEqual({ state: 'ending', end: { how: 'walltime' } });
});

test("PBS' own words stand beside ours, and don't fill the screen", () => {
  const comment = `Not Running: ${'a very long story\n'.repeat(500)}`;
  const { note } = phase('Q', { comment }) as Extract<JobPhase, { state: 'waiting' }>;
  expect(note).toHaveLength(400);
  expect(note).not.toContain('\n');
  const loud = phase('Q', { comment: '\u001b]0;title\u0007\u001b[1;31mNot\u0001Running\u001b[0m\u0085here' });
  expect(loud).toEqual({ state: 'waiting', note: 'Not Running here' });
  expect(words(phase('F', { exitStatus: -1, comment: 'no home' }))).toContain('(no home)');
  expect(words(phase('F', { exitStatus: null, substate: 91, comment: 'node 3 failed' }))).toBe(
    'deleted: node 3 failed',
  );
});
