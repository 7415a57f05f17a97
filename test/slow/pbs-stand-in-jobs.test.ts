import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../support/installation';
import { recordingOf } from '../unit/pbs/recorded-states';
import { Replay } from '../unit/pbs/replay';

/*
 * Jobs that the stand-in really runs: they come to the ends that the recorded ones came to, their output is where PBS leaves
 * it, and what a site limits is limited. What is recorded of qsub and qstat is in stand-in.test.ts.
 */

let replay: Replay;

beforeAll(async () => {
  replay = await Replay.start({
    cpusPerNode: 16,
    killDelaySeconds: 1,
    queues: {
      debug: { maxNodes: 2, maxWalltimeSeconds: 3600 },
      one: { maxRunPerUser: 1, maxJobsPerUser: 2 },
      single: { maxQueuedPerUser: 1, started: false },
      stoppedq: { started: false },
      route: { routesTo: ['debug'] },
    },
  });
});

afterAll(async () => {
  await replay.destroy();
});

function write(name: string, ...lines: readonly string[]): void {
  writeFileSync(join(replay.home, name), lines.map((line) => `${line}\n`).join(''));
}

function read(name: string): string {
  return readFileSync(join(replay.home, name), 'utf8');
}

/** Submits, does what is to be done to it once it runs, and waits for its end. @returns the id */
async function ended(submission: string, then?: (id: string) => string): Promise<string> {
  const id = replay.submit(submission);
  if (then !== undefined) {
    await replay.standIn.untilJob(id, 'RH');
    expect(replay.run(then(id))).toMatchObject({ status: 0, stderr: '' });
  }
  // One that can't be started stays held.
  await replay.standIn.untilJob(id, then === undefined ? 'FH' : 'F');
  return id;
}

describe('a job that runs ends as the recorded one ended', () => {
  const qdel = (id: string): string => `qdel ${id}`;
  const ends: Readonly<Record<string, readonly [string, ((id: string) => string)?]>> = {
    'fin-stdin': ['echo true | qsub'],
    'fin-digitname': ['qsub -N 1234 ok.pbs'],
    'fin-selfkill9': ['qsub selfkill.pbs'],
    'fin-segv': ['qsub segv.pbs'],
    'fin-badinterp': ['qsub badinterp.pbs'],
    'fin-binary': ['qsub /bin/ls'],
    'fin-badout': ['qsub badout.pbs'],
    'fin-badoutk': ['qsub badoutk.pbs'],
    'fin-wall': ['qsub wall.pbs'],
    'fin-walltrap': ['qsub term.pbs'],
    'fin-trap0': ['qsub trap0.pbs', qdel],
    'fin-qdel-running': ['qsub long.pbs', qdel],
    'fin-qdel-force': ['qsub long.pbs', (id) => `qdel -W force ${id}`],
    'fin-qdel-held': ['qsub -h long.pbs', qdel],
  };

  test.each(Object.entries(ends))('%s', async (name, [submission, then]) => {
    const { status, stdout, stderr } = recordingOf(`main/qstat-x-json-${name}`);
    const id = await ended(submission, then);
    const said = replay.run(`qstat -x -f -F json ${id}`);
    // The recorded walltime of those that exceed it was longer.
    const recorded = stdout.replaceAll('"walltime":\t"00:00:05"', '"walltime":\t"00:00:01"');
    expect(replay.comparable(said, { made: true })).toEqual(
      replay.comparable({ status, stdout: recorded, stderr }, { made: true }),
    );
  });

  test('what waited for a job that failed ends without having run', async () => {
    const failed = replay.submit('qsub -h fail.pbs');
    const child = replay.submit(`qsub -W depend=afterok:${failed} long.pbs`);
    expect(replay.standIn.job(child)).toMatchObject({ state: 'H' });
    replay.run(`qrls ${failed}`);
    const { attributes } = await replay.standIn.untilJob(child, 'F');
    expect(attributes).toMatchObject({ substate: '92', depend: `afterok:${failed}@pbsci` });
    expect(attributes).not.toHaveProperty('Exit_status');
  });

  test('all of a crashed job ends at once: nothing of it sees the end of another part', async () => {
    const parts = Array.from({ length: 200 }, () => '(read line; echo $? >>told) <end &');
    write('parts.pbs', '#!/bin/sh', 'mkfifo end', 'sleep 600 >end &', ...parts, 'echo >up', 'wait');
    const id = replay.submit('qsub parts.pbs');
    await until('its parts run', () => existsSync(join(replay.home, 'up')));
    replay.standIn.crash(id);
    const { attributes } = await replay.standIn.untilJob(id, 'F');
    expect(attributes['Exit_status']).toBe('265');
    expect(existsSync(join(replay.home, 'told'))).toBe(false);
  });

  test('a host that is gone leaves the job R, and only force ends it', async () => {
    const id = replay.submit('qsub long.pbs');
    await replay.standIn.untilJob(id, 'R');
    replay.standIn.crash(id, { noticed: false });
    expect(replay.run(`qdel ${id}`)).toMatchObject({ status: 222 });
    expect(replay.standIn.job(id).state).toBe('R');
    expect(replay.run(`qdel -W force ${id}`)).toMatchObject({ status: 0 });
    const { attributes } = await replay.standIn.untilJob(id, 'F');
    expect(attributes['substate']).toBe('91');
    expect(attributes).not.toHaveProperty('Exit_status');
  });
});

describe('what a job finds and leaves', () => {
  test('a fresh login shell at home, with the variables of PBS and those that were passed on', async () => {
    write(
      'tell.pbs',
      '#!/bin/sh',
      'pwd; echo "$PASSED|$SECRET|$PBS_O_WORKDIR|$PBS_JOBID|$PBS_ENVIRONMENT"',
      'cat $PBS_NODEFILE',
    );
    const id = await ended(`cd rel; SECRET=1 qsub -v PASSED='a\\,b' -N tell ../tell.pbs`);
    const { home } = replay;
    expect(read(`rel/tell.o${id.replace('.pbsci', '')}`)).toBe(
      `${home}\na,b||${home}/rel|${id}|PBS_BATCH\npbsci\n`,
    );
  });

  test('with -k doe its output grows while it runs, joined in one file', async () => {
    write('grow.pbs', 'echo one; echo two >&2; sleep 600');
    const id = replay.submit('qsub -k doe -j oe -o grow.txt grow.pbs');
    await until('both lines are there', () => {
      try {
        return read('grow.txt') === 'one\ntwo\n';
      } catch {
        return false;
      }
    });
    replay.run(`qdel ${id}`);
    await replay.standIn.untilJob(id, 'F');
  });

  test('into a directory, its output is named for the job', async () => {
    const id = await ended('qsub -o rel/ -e rel -- /bin/sh -c "echo out; echo err >&2"');
    expect([read(`rel/${id}.OU`), read(`rel/${id}.ER`)]).toEqual(['out\n', 'err\n']);
  });

  test('a process that left its session ends with it', async () => {
    write('leave.pbs', 'setsid sleep 600 & echo $! > left.pid', 'sleep 0.2');
    await ended('qsub leave.pbs');
    const pid = Number(read('left.pid'));
    await until('the process is gone', () => {
      try {
        return readFileSync(`/proc/${String(pid)}/stat`, 'utf8').includes(') Z ');
      } catch {
        return true;
      }
    });
  });
});

describe('limits of a queue', () => {
  test('runs one job a user, takes two, and refuses the third', async () => {
    const first = replay.submit('qsub -q one long.pbs');
    const second = replay.submit('qsub -q one long.pbs');
    expect(replay.run('qsub -q one long.pbs')).toEqual({
      status: 38,
      stdout: '',
      stderr: "qsub: would exceed queue generic's per-user limit\n",
    });
    await replay.standIn.untilJob(first, 'R');
    await until('it says why the second does not run', () =>
      (replay.standIn.job(second).attributes['comment'] ?? '').startsWith('Not Running: User has reached'),
    );
    replay.run(`qdel ${first}`);
    await replay.standIn.untilJob(second, 'R');
    replay.run(`qdel -W force ${second}`);
  });

  test('counts those that wait apart from those that run', () => {
    replay.submit('qsub -q single long.pbs');
    expect(replay.run('qsub -q single long.pbs')).toMatchObject({
      status: 38,
      stderr: "qsub: would exceed queue generic's per-user limit of jobs in 'Q' state\n",
    });
  });

  test('a routing queue hands on what its destination takes, and loses the rest', async () => {
    expect(replay.standIn.job(await ended('qsub -q route ok.pbs')).attributes['queue']).toBe('debug');
    const lost = replay.submit('qsub -q route -l select=3 ok.pbs');
    expect(replay.run(`qstat -x ${lost}`)).toMatchObject({ status: 153 });
  });

  test('a job that can never run says so', async () => {
    const id = replay.submit('qsub -l select=1:ncpus=64 long.pbs');
    await until('the comment is there', () => 'comment' in replay.standIn.job(id).attributes);
    const { state, attributes } = replay.standIn.job(id);
    expect([state, attributes['comment']]).toEqual([
      'Q',
      'Can Never Run: Insufficient amount of resource: ncpus (R: 64 A: 16 T: 16)',
    ]);
  });
});
