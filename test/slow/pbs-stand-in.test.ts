import { oddSubmissions } from '../unit/pbs/odd-submissions';
import { bare, recordingOf, running, stateOf } from '../unit/pbs/recorded-states';
import { recordings, type Recording } from '../unit/pbs/recordings';
import { Replay, type Said } from '../unit/pbs/replay';

/*
 * The stand-in says what real PBS said, for each recording: the same command in an equivalent state. Where a recording shows
 * jobs, they are put there as it shows them; what running jobs come to is in stand-in-jobs.test.ts.
 */

/** What the stand-in has not got. */
const beyond: Readonly<Record<string, string>> = {
  'main/pbsnodes-momdown': 'there is no pbsnodes',
};

const all = recordings().filter(({ name }) => !(name in beyond));
const asks = all.filter(
  ({ name, command }) =>
    /^(timeout \d+ |PBS_SERVER=\w+ )?(qstat|qdel|qselect|qhold|qrerun|qsig)\b/.test(command) &&
    !name.includes('/odd-'),
);
const odd = all.filter(({ name }) => /\/odd-(?!submit$)/.test(name));
const submits = all.filter(({ command }) => /^(PBS_SERVER=\w+ )?qsub\b/.test(command));

const nobody = 65_534;
const replays = new Map<string, Replay>();

beforeAll(async () => {
  replays.set('main', await Replay.start());
  replays.set('2022', await Replay.start({ flavour: '22.05' }));
  replays.set('hooked', await Replay.start({ requireAccount: true, requireResources: ['filesystems'] }));
});

afterAll(async () => {
  for (const replay of replays.values()) await replay.destroy();
});

function replayOf({ name }: Recording): Replay {
  return replays.get(name.includes('hookreject') ? 'hooked' : name.startsWith('2022/') ? '2022' : 'main')!;
}

/** Runs the command of a recording, with the server as it then was. */
function again(recording: Recording): Said {
  const replay = replayOf(recording);
  const { name, command } = recording;
  if (name.includes('/serverdown')) replay.standIn.stop();
  if (name.endsWith('server-hung')) replay.standIn.fault({ kind: 'hang' });
  try {
    // Root may read every script.
    const user = name.includes('unreadable') ? { uid: nobody } : {};
    return replay.run(command.replace('timeout 12', 'timeout 1'), user);
  } finally {
    replay.standIn.restart();
    replay.standIn.clearFaults();
  }
}

function expectSame(said: Said, recording: Recording, made: boolean): void {
  const replay = replayOf(recording);
  const { status, stdout, stderr } = recording;
  const recorded = replay.comparable({ status, stdout, stderr }, { made });
  expect(replay.comparable(said, { made })).toEqual(recorded);
}

test('every recording is replayed, or it is told why not', () => {
  const replayed = [...asks, ...odd, ...submits, recordingOf('main/odd-submit')];
  expect(replayed.map(({ name }) => name).sort()).toEqual(all.map(({ name }) => name).sort());
});

describe('asked the same, it answers the same', () => {
  test.each(asks.map((recording) => [recording.name, recording] as const))('%s', (_, recording) => {
    replayOf(recording).standIn.load(stateOf(recording));
    expectSame(again(recording), recording, false);
  });
});

describe('told to submit the same, it answers the same', () => {
  test.each(submits.map((recording) => [recording.name, recording] as const))('%s', (_, recording) => {
    replayOf(recording).standIn.load([bare('22', running), bare('75', running)]);
    expectSame(again(recording), recording, true);
  });
});

describe('what is odd in a submission comes back as odd as it did', () => {
  test.each(odd.map((recording) => [recording.name, recording] as const))('%s', (name, recording) => {
    const replay = replayOf(recording);
    const [, what = ''] = /odd-(.*)-\d+$/.exec(name) ?? [];
    const submission = oddSubmissions.get(what.replace('name_a_b', 'name_a+b').replace('name_', 'name:'));
    const id = replay.submit(submission!);
    expectSame(replay.run(`qstat -x -f -F json ${id}`), recording, true);
  });

  test('main/odd-submit', () => {
    const recording = recordingOf('main/odd-submit');
    const replay = replayOf(recording);
    const lines = [...oddSubmissions].map(([what, submission]) => {
      const { status, stdout, stderr } = replay.run(submission);
      // It was written by bash's echo.
      return `${what.replace(String.raw`\b`, '\b')}\t${String(status)}\t${stdout}${stderr}`;
    });
    expectSame({ status: 0, stdout: lines.join(''), stderr: '' }, recording, true);
  });
});
