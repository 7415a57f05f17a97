/*
 * What each recording of `qstat -f` says, read by a person: ids with the phase, `id phase` a job, in the order of the
 * recording. `!` before the list: the answer is no answer, so that no job's absence means anything.
 */

const deletedQueued = 'deleted';
const history =
  '10 exit 0, 11 exit 0, 12 pending, 14 exit 126, 15 exit 0, 16 exit 3, 17 walltime, 18 walltime, 19 signal 9, 20 signal 11, ' +
  `21[] exit 1, 22 running, 23 ${deletedQueued}, 24 pending, 25 can never run, 26 pending, 27 pending, 28 deleted, 29 deleted, ` +
  '30 deleted, 31[] running, 32 signal 9, 33 running, 34 deleted, 35 exit 0, 36 held, 37 exit 127';
const queues =
  '10 exit 0, 11 exit 0, 14 exit 126, 15 exit 0, 16 exit 3, 17 walltime, 18 walltime, 19 signal 9, 20 signal 11, ' +
  '21[] exit 1, 22 running, 23 deleted, 25 can never run, 26 pending, 27 pending, 28 deleted, 30 deleted, 31[] running, ' +
  '32 signal 9, 33 running, 34 deleted, 35 exit 0, 36 held, 37 exit 127';

/** Held by its owner, each with something odd in its name, account, output path, arguments or a variable. */
function held(flavour: string, names: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    names
      .split(' ')
      .map((name) => [`${flavour}/odd-${name}`, `${name.slice(name.lastIndexOf('-') + 1)} pending`]),
  );
}

export const expectedStates: Readonly<Record<string, string>> = {
  'main/all-f-json':
    '12 pending, 22 running, 24 pending, 25 can never run, 26 pending, 27 pending, 31[] running, 33 running, 36 held',
  'main/all-x-f-json': history,
  'main/all-x-t-f-json': history
    .replace('21[] exit 1', '21[] exit 1, 21[0] exit 0, 21[1] exit 1, 21[2] exit 2')
    .replace('31[] running', '31[] running, 31[0] running, 31[1] deleted, 31[2] running, 31[3] running'),
  'main/at-server': history,
  'main/bulk-nox-2run': '22 running',
  'main/bulk-nox-one-finished': '22 running',
  'main/bulk-x-f-text': '16 exit 3, 22 running',
  'main/bulk-x-k-u-k-k': '16 exit 3',
  'main/bulk-x-known-known-unknown': '16 exit 3',
  'main/bulk-x-one-unknown': '16 exit 3',
  'main/bulk-x-two-known': '16 exit 3',
  'main/bulk-x-u-k-k': '16 exit 3',
  'main/bulk-x-unknown-first': '16 exit 3',
  ...held(
    'main',
    'acct-quote-72 name_-x-71 name_.dot-69 name_1234-64 name__u-70 name_a_b-63 name_null-68 name_true-67 var-BIG-47 var-BS-39 ' +
      'var-CTRL-45 var-DQ-38 var-EQ-44 var-FLT-50 var-HEXF-51 var-INF-53 var-JSON-57 var-LAT1-59 var-LEAD0-46 var-NEG-49 ' +
      'var-NL-40 var-PCT-58 var-SLASH-60 var-TRAIL-61 var-UNI-42',
  ),
  'main/qstat-22': '22 running',
  'main/qstat-array-live': '21[] running',
  'main/qstat-array-t-live': '21[] running, 21[0] running, 21[1] running, 21[2] running',
  'main/qstat-f-mom': '',
  'main/qstat-json-depend-held': '27 pending',
  'main/qstat-json-held': '23 pending',
  'main/qstat-json-immediately-after-qdel': '28 running',
  'main/qstat-json-neverfit': '25 can never run',
  'main/qstat-json-queued': '24 pending',
  'main/qstat-json-running': '22 running',
  'main/qstat-json-waiting': '26 pending',
  'main/qstat-qselect': '10 exit 0',
  'main/qstat-server-hung': '!',
  'main/qstat-t-array2-live': '31[] running, 31[0] running, 31[1] deleted, 31[2] running, 31[3] running',
  'main/qstat-x-after-force-momdown': '81 deleted',
  'main/qstat-x-afterok-parent-failed': '76 never ran',
  'main/qstat-x-json-fin-badinterp': '37 exit 127',
  'main/qstat-x-json-fin-badout': '35 exit 0',
  'main/qstat-x-json-fin-badoutk': '36 held',
  'main/qstat-x-json-fin-binary': '14 exit 126',
  'main/qstat-x-json-fin-digitname': '10 exit 0',
  'main/qstat-x-json-fin-qdel-force': '30 deleted',
  'main/qstat-x-json-fin-qdel-held': '23 deleted',
  'main/qstat-x-json-fin-qdel-running': '28 deleted',
  'main/qstat-x-json-fin-segv': '20 signal 11',
  'main/qstat-x-json-fin-selfkill9': '19 signal 9',
  'main/qstat-x-json-fin-stdin': '11 exit 0',
  'main/qstat-x-json-fin-trap0': '34 deleted',
  'main/qstat-x-json-fin-wall': '17 walltime',
  'main/qstat-x-json-fin-walltrap': '18 walltime',
  'main/qstat-x-json-finished-ok': '0 exit 0',
  'main/qstat-x-json-subjob': '21[2] exit 2',
  'main/qstat-x-t-json-array': '21[] exit 1, 21[0] exit 0, 21[1] exit 1, 21[2] exit 2',
  'main/queue-dest-json': queues,
  'main/serverdown-qstat-json': '!',
  'main/two-queues-json': queues,
  'main/user-x-json': '!',
  '2022/bulk-nox-last-finished': '',
  '2022/bulk-nox-one-finished': '',
  '2022/bulk-x-one-unknown': '16 exit 3, 22 exit 0',
  '2022/bulk-x-two-known': '16 exit 3, 22 exit 0',
  '2022/bulk-x-unknown-last': '16 exit 3, 22 exit 0',
  '2022/fin-ok': '79 exit 4',
  ...held(
    '2022',
    'acct-quote-72 args-74 name_-x-71 name_.dot-69 name_007-65 name_1234-64 name_1e5-66 name__u-70 name_a_b-63 name_null-68 ' +
      'out-space-73 var-BIG-47 var-BS-39 var-COMMA-43 var-DQ-38 var-EMPTY-56 var-EQ-44 var-EXP-48 var-FLT-50 var-INF-53 ' +
      'var-LAT1-59 var-NAN-52 var-NEG-49 var-NL-40 var-NUL-55 var-SLASH-60 var-TAB-41 var-TRAIL-61 var-TRUE-54 var-UNI-42',
  ),
  '2022/unknown-json': '',
};
