import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { until } from '../support/installation';
import { Replay } from '../unit/pbs/replay';

/* Each fault does what it is called, for as many commands as was asked for, and leaves the rest alone. */

let replay: Replay;

beforeAll(async () => {
  replay = await Replay.start();
});

afterEach(() => {
  replay.standIn.clearFaults();
  replay.standIn.restart();
});

afterAll(async () => {
  await replay.destroy();
});

const held = 'qsub -h ok.pbs';
const listing = 'qstat -x -f -F json';

test('a server that is down is down for everything, and its jobs run on', async () => {
  const id = replay.submit('qsub -k doe -o down.txt -- /bin/sh -c "sleep 0.5; exit 7"');
  await replay.standIn.untilJob(id, 'R');
  replay.standIn.stop();
  expect(['qstat', 'qsub ok.pbs', `qdel ${id}`].map((command) => replay.run(command).status)).toEqual([
    255, 162, 162,
  ]);
  await replay.standIn.untilJob(id, 'F');
  replay.standIn.restart();
  expect(replay.run(`qstat -x -f ${id}`).stdout).toContain('Exit_status = 7');
});

test('a fault for the next two commands of one name leaves the third and the others alone', () => {
  replay.standIn.fault({ kind: 'down', command: 'qstat', times: 2 });
  const commands = ['qstat', 'qselect', 'qstat', 'qstat'];
  expect(commands.map((command) => replay.run(command).status)).toEqual([255, 0, 255, 0]);
});

test('a server that hangs answers nothing', async () => {
  replay.standIn.fault({ kind: 'hang', command: 'qstat' });
  const child = spawn(join(replay.standIn.bin, 'qstat'), { stdio: 'ignore' });
  const exit = once(child, 'exit');
  await until('it blocks', () => replay.standIn.commands('qstat').at(-1)?.rc === null);
  expect(child.exitCode).toBeNull();
  child.kill('SIGKILL');
  expect(await exit).toEqual([null, 'SIGKILL']);
});

test('a slow server answers later', () => {
  replay.standIn.fault({ kind: 'slow', seconds: 0.3, times: 1 });
  expect(replay.run('qselect -N nothing').status).toBe(0);
  expect(replay.standIn.commands('qselect').at(-1)!.seconds).toBeGreaterThan(0.29);
});

test('a reply that is lost leaves a job that qselect finds', () => {
  replay.standIn.fault({ kind: 'lost-reply', times: 1 });
  expect(replay.run('qsub -h -N lost ok.pbs')).toMatchObject({ status: 183, stdout: '' });
  const found = replay.run('qselect -x -N lost').stdout.trim();
  expect(replay.standIn.job(found).name).toBe('lost');
});

test('a job that vanishes has an id that nobody knows', () => {
  replay.standIn.fault({ kind: 'vanish', times: 1 });
  const id = replay.submit(held);
  expect(replay.run(`qstat -x ${id}`)).toMatchObject({
    status: 153,
    stderr: `qstat: Unknown Job Id ${id}\n`,
  });
});

test('a job that could not be started is held, and says so', () => {
  replay.standIn.fault({ kind: 'hold', times: 1 });
  expect(replay.standIn.job(replay.submit('qsub ok.pbs'))).toMatchObject({
    state: 'H',
    attributes: { Exit_status: '-3', comment: 'job held, too many failed attempts to run' },
  });
});

test('an output is cut off, no JSON, or lacks all jobs but one', async () => {
  const all = await Replay.start({ flavour: '22.05' });
  try {
    const ids = [all.submit(held), all.submit(held)];
    const command = `${listing} ${ids.join(' ')}`;
    expect(countJobs(all.run(command).stdout)).toBe(2);
    all.standIn.fault({ kind: 'one-id' });
    expect(countJobs(all.run(command).stdout)).toBe(1);
    all.standIn.clearFaults();
    const whole = all.run(command).stdout;
    all.standIn.fault({ kind: 'truncate', part: 0.25 });
    expect(all.run(command).stdout).toHaveLength(Math.floor(whole.length / 4));
    all.standIn.clearFaults();
    all.standIn.fault({ kind: 'invalid-json' });
    expect(() => JSON.parse(all.run(command).stdout) as unknown).toThrow();
  } finally {
    await all.destroy();
  }
});

function countJobs(answer: string): number {
  const { Jobs = {} } = JSON.parse(answer) as { readonly Jobs?: object };
  return Object.keys(Jobs).length;
}

test('what is past its history is known no more', async () => {
  const short = await Replay.start({ historySeconds: 1 });
  try {
    const id = short.submit('qsub -h ok.pbs');
    short.run(`qdel ${id}`);
    expect(short.run(`qstat -x ${id}`).status).toBe(0);
    await until('it is forgotten', () => short.run(`qstat -x ${id}`).status === 153);
  } finally {
    await short.destroy();
  }
});

test('the log tells every command with its words and its end', () => {
  replay.run(`qselect -x -N 'a "b"'`);
  replay.run('qdel 99999');
  expect(replay.standIn.commands().slice(-2)).toMatchObject([
    { command: 'qselect', argv: ['-x', '-N', 'a "b"'], rc: 0 },
    { command: 'qdel', argv: ['99999'], rc: 153 },
  ]);
});
