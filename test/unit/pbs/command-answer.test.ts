import { readDeletion, readSubmission } from '../../../src/schedulers/pbs/command-answer';
import { recordings } from './recordings';

const all = recordings();

/** Kinds of `qsub`'s recorded ends, where other jobs of the user are in the queue. */
const submissions: Readonly<Record<string, string>> = {
  'qsub-directory-script': 'rejected',
  'qsub-err-acl': 'rejected',
  'qsub-err-bad-keep': 'rejected',
  'qsub-err-bad-name': 'rejected',
  'qsub-err-bad-option': 'rejected',
  'qsub-err-bad-select-value': 'rejected',
  'qsub-err-bad-walltime-syntax': 'rejected',
  'qsub-err-long-name': 'rejected',
  'qsub-err-missing-script': 'rejected',
  'qsub-err-nodect-over-queue-max': 'rejected',
  'qsub-err-queue-disabled': 'rejected',
  'qsub-err-route-only': 'rejected',
  'qsub-err-unknown-resource': 'rejected',
  'qsub-err-unreadable-script': 'rejected',
  'qsub-hookreject-filesystems': 'rejected',
  'qsub-unknown-server-host': 'unavailable',
  'serverdown-qsub': 'unavailable',
};

const submitted = all.filter(({ name }) => /^main\/(qsub-|serverdown-qsub)/.test(name));

test.each(submitted.map((one) => [one.name, one] as const))('%s', (name, one) => {
  expect(readSubmission(one, 1).kind).toBe(submissions[name.replace('main/', '')] ?? 'done');
});

test('there are recordings of all of them', () => {
  const names = submitted.map(({ name }) => name.replace('main/', ''));
  expect(names).toEqual(expect.arrayContaining(Object.keys(submissions)));
});

test.each([0, 1, 500, null])(
  'a limit on what one job may ask for does not pass, with %p jobs in the queue',
  (jobs) => {
    const over = { status: 188, stderr: 'qsub: Job violates queue and/or server resource limits\n' };
    expect(readSubmission(over, jobs)).toEqual({
      kind: 'rejected',
      message: 'qsub: Job violates queue and/or server resource limits',
    });
  },
);

/* As a server's own tests have them (OpenPBS, test/tests/functional/pbs_entity_limits.py). */
test.each([
  ["would exceed queue generic's per-user limit of jobs in 'Q' state", 38, 'rejected'],
  ['Maximum number of jobs for user me already in queue debug', 38, 'rejected'],
  ['would exceed per-user limit on resource ncpus in complex', 39, 'rejected'],
  ["would exceed user me's limit on resource ncpus in queue debug", 39, 'rejected'],
  ['Maximum number of jobs already in queue debug', 38, 'full'],
  ["Maximum number of jobs in 'Q' state already in complex", 38, 'full'],
  ["would exceed complex's per-project limit", 38, 'full'],
  ['Maximum number of jobs for group staff already in queue debug', 38, 'full'],
  ['would exceed limit on resource ncpus in queue debug', 39, 'full'],
])('without a job of the user in the queue, "%s" is %s: %s', (words, status, kind) => {
  expect(readSubmission({ status, stderr: `qsub: ${words}\n` }, 0).kind).toBe(kind);
});

test('a limit is one that passes where nobody knows what is queued', () => {
  const over = { status: 38, stderr: "qsub: would exceed queue generic's per-user limit\n" };
  expect(readSubmission(over, null).kind).toBe('full');
});

test.each([
  ['a limit of a user', 38, 'full'],
  ['a limit of resources in the queue', 39, 'full'],
  ['as many jobs as the queue may hold', 198, 'full'],
  ['a server without free connections', 13, 'unavailable'],
  ['a server that shuts down', 212, 'unavailable'],
  ['no credential from munge', 171, 'unavailable'],
  ['an internal error of the server', 163, 'ambiguous'],
  ['no such account', 199, 'rejected'],
  ['a server without its database', 57, 'unavailable'],
  ['a program that is not there, or can not be run', 127, 'unavailable'],
  ['a program that crashes', 139, 'ambiguous'],
])('qsub: %s', (_name, status, kind) => {
  expect(readSubmission({ status, stderr: 'qsub: no\n' }, 1).kind).toBe(kind);
});

/* As OpenPBS has them (src/cmds/qsub.c). */
test.each([
  'mkstemp: No such file or directory\nqsub: could not create/open tmp file /scratch/gone/pbsscrptpDJGZD for script',
  'qsub: error writing copy of script, /tmp/pbsscrptpDJGZD',
  'qsub: copy of script to tmp failed on close: No space left on device',
])('a login node without room for the script is no fault of the job: %j', (words) => {
  expect(readSubmission({ status: 1, stderr: `${words}\n` }, 1).kind).toBe('unavailable');
});

test.each([
  ['a job in state E', 168, 'Request invalid for state of job 1.pbs'],
  ['the same under another number', 150, 'Request invalid for state of job 1.pbs'],
  ['one that exits', 202, 'Job already in exit state'],
  ['one that is deleted already', 237, 'delete already in progress'],
])('qdel of %s needs no deleting', (_name, status, words) => {
  expect(readDeletion({ status, stderr: `qdel: ${words}\n` }).kind).toBe('done');
});

test('the colours of a wrapper are none of its words', () => {
  const stderr = '\u001b[33mnews\u001b[0m\n\u001b[1;31mqsub: \u001b(Bno such project\u001b[0m\n';
  expect(readSubmission({ status: 32, stderr }, 1)).toEqual({
    kind: 'rejected',
    message: 'qsub: no such project',
  });
});

test('an end that tells nothing asks for a look', () => {
  expect(readSubmission({ status: 183, stderr: '' }, 0).kind).toBe('ambiguous');
  expect(readSubmission({ status: 124, stderr: '' }, 0).kind).toBe('ambiguous');
});

test.each([
  ['main/qdel-running', 'done'],
  ['main/qdel-queued', 'done'],
  ['main/qdel-finished', 'done'],
  ['main/qdel-unknown', 'done'],
  ['main/qdel-force-unknown', 'done'],
  ['main/qdel-other-users-job', 'rejected'],
  ['main/serverdown-qdel', 'unavailable'],
])('%s: %s', (name, kind) => {
  const one = all.find((recording) => recording.name === name);
  expect(one).toBeDefined();
  if (one !== undefined) expect(readDeletion(one).kind).toBe(kind);
});
