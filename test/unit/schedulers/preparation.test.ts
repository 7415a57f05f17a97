import {
  failureText,
  judgePreparation,
  preparationHash,
  type PreparationRequest,
} from '../../../src/schedulers/preparation';

const request = {
  preparation: { script: 'make\n', in: 'login', timeout: 1000 },
  trial: {
    files: [
      { path: 'a.sh', sha256: '1'.repeat(64), size: 1, executable: true },
      { path: 'b.py', sha256: '2'.repeat(64), size: 1, executable: false },
    ],
    env: { A: '1', B: '2' },
  },
} as const satisfies Pick<PreparationRequest, 'preparation' | 'trial'>;
const { preparation, trial } = request;
const [first, second] = trial.files;
const at = { startedAt: new Date(0), endedAt: new Date(1) };

describe('a preparation is another one when', () => {
  test.each([
    ['its text', { preparation: { ...preparation, script: 'make all\n' }, trial }, ''],
    ['its place', { preparation: { ...preparation, in: 'job' }, trial }, ''],
    [
      'the content of a file',
      { preparation, trial: { ...trial, files: [first, { ...second, sha256: '3'.repeat(64) }] } },
      '',
    ],
    [
      'the name of a file',
      { preparation, trial: { ...trial, files: [first, { ...second, path: 'c.py' }] } },
      '',
    ],
    ['the environment of the study', { preparation, trial: { ...trial, env: { A: '1' } } }, ''],
    ['the set-up of the site', request, 'module load frameworks'],
  ] as const)('%s changes', (_what, changed, workerInit) => {
    expect(preparationHash(changed, workerInit)).not.toBe(preparationHash(request, ''));
  });
});

test('a preparation is the same whatever its timeout and the order of files and variables', () => {
  const same = {
    preparation: { ...preparation, timeout: 5 },
    trial: { files: [second, first], env: { B: '2', A: '1' } },
  };
  expect(preparationHash(same, '')).toBe(preparationHash(request, ''));
  expect(preparationHash(request, '')).toMatch(/^[0-9a-f]{16}$/);
});

describe('of a job that prepares', () => {
  test.each([
    [{ state: 'waiting' }, { kind: 'open', note: 'it waits' }],
    [
      { state: 'waiting', note: 'no nodes' },
      { kind: 'open', note: 'it waits: no nodes' },
    ],
    [
      { state: 'running', startedAt: at.startedAt },
      { kind: 'open', startedAt: at.startedAt },
    ],
    [{ state: 'ended', end: { how: 'exited', status: 0 }, ...at }, { kind: 'done' }],
    [
      { state: 'ended', end: { how: 'exited', status: 3 }, ...at },
      { kind: 'failed', why: 'it ended with exit status 3' },
    ],
    [{ state: 'ended', end: { how: 'stopped', reason: 'timeout' }, ...at }, { kind: 'failed' }],
    [{ state: 'ended', end: { how: 'stopped', reason: 'cancelled' }, ...at }, { kind: 'lost' }],
    [
      { state: 'lost', why: 'its node died', cause: 'site' },
      { kind: 'lost', why: 'its node died' },
    ],
    [
      { state: 'lost', why: 'walltime', cause: 'walltime' },
      { kind: 'failed', why: 'walltime' },
    ],
  ] as const)('%j means %j', (seen, verdict) => {
    expect(judgePreparation(seen)).toMatchObject(verdict);
  });
});

describe('a failure is told', () => {
  test('with the last lines of its output, without commands for the terminal', () => {
    const tail = `${Array.from({ length: 40 }, (_, i) => `line ${String(i)}`).join('\n')}\n\u001b[2Jred`;
    const text = failureText('it ended with exit status 3', '/w/output.log', tail);
    expect(text.split('\n')).toHaveLength(13);
    expect(text).toContain('it ended with exit status 3; the last lines of /w/output.log:\n    line 29\n');
    expect(text).toMatch(/ {4}red$/);
    expect(text).not.toContain('\u001b');
  });

  test('also where it printed nothing', () => {
    expect(failureText('it was ended', '/w/output.log', '\n')).toBe(
      'it was ended; it printed nothing (/w/output.log)',
    );
  });
});
