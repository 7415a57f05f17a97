import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/* What the functions of a login node do with the files of attempts, by the real shell. */

const study = 'abcdef0123456789';
const trial = resolve(__dirname, '..', '..', '..', 'trial');
const functions = readFileSync(join(trial, 'pbs_site.sh'), 'utf8');

let site: string;
beforeEach(() => {
  site = mkdtempSync(join(tmpdir(), 'perdure-site-'));
});
afterEach(() => {
  rmSync(site, { recursive: true, force: true });
});

/** Makes an attempt of trial 3 with these files of Perdure's. */
function attempt(number: number, files: Readonly<Record<string, string>> = {}): string {
  const path = `${study}/3/a${String(number)}`;
  mkdirSync(join(site, path, '.perdure'), { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(site, path, '.perdure', name), text);
  return path;
}

/** Words of the answer's lines, without the number of the call. */
function call(...words: readonly string[]): readonly string[] {
  const [name = '', ...rest] = words;
  const line = [name, '1', ...rest].map((word) => `'${word}'`).join(' ');
  const answer = execFileSync('/bin/sh', ['-s'], {
    cwd: site,
    input: `${functions}\n${line}\n`,
    encoding: 'utf8',
  });
  return answer
    .trim()
    .split('\n')
    .map((said) => said.replace(' 1', ''));
}

function look(path: string): readonly string[] {
  return call('look', path, 'name', '0');
}

const givenUp = { tombstone: 'site its node died\n', pid: '1 2 3\n', owner: '1.pbs node1 1\n' };
const withResult = { ...givenUp, status: '0\n', 'result.json': '1' };

test('an earlier attempt that was given up and left a result is found while the next one waits', () => {
  attempt(1, withResult);
  expect(look(attempt(2))).toEqual(['late 1', 'looked']);
  expect(look(attempt(3))).toEqual(['looked']);
  // One that was given up before it began hides nothing.
  attempt(2, { tombstone: 'site it was held\n' });
  expect(look(attempt(3))).toEqual(['late 1', 'looked']);
  expect(look(attempt(2, { owner: '2.pbs node2 1\n' }))).toContain('owner 2.pbs node2 1');
  expect(look(attempt(3))).toEqual(['looked']);
});

test.each([
  ['was not given up', { ...withResult, tombstone: undefined }],
  ['was asked to stop', { ...withResult, stop: 'cancelled\n' }],
  ['failed', { ...withResult, status: '3\n' }],
  ['left no result', { ...givenUp, status: '0\n' }],
])('one that %s has left nothing that counts', (_, files) => {
  attempt(
    1,
    Object.fromEntries(Object.entries(files).filter(([, text]) => text !== undefined)) as Record<
      string,
      string
    >,
  );
  expect(look(attempt(2))).toEqual(['looked']);
});

test('a preparation has no earlier attempt, whatever its hash looks like', () => {
  for (const hash of ['abcdef0123456789', 'a234567890123456']) {
    mkdirSync(join(site, 'prepared', hash, '.perdure'), { recursive: true });
    expect(look(`prepared/${hash}`)).toEqual(['looked']);
  }
});

/** Runs the program of an attempt as its job does. */
function begin(path: string): void {
  const words = [join(trial, 'wrapper.sh'), '--leave-group', join(site, path), '/bin/sh', '-c', 'touch ran'];
  execFileSync('/bin/sh', words, { env: { ...process.env, PBS_JOBID: '2.pbs' } });
}

test('a result that is taken keeps the next attempt from beginning, and one that has begun keeps it from being taken', () => {
  attempt(1, withResult);
  const second = attempt(2);
  expect(call('replace_attempt', second, 'name', '-', '1', '0')).toEqual(['replaced 1', 'looked']);
  begin(second);
  expect(existsSync(join(site, second, 'ran'))).toBe(false);

  rmSync(join(site, second), { recursive: true });
  begin(attempt(2));
  expect(call('replace_attempt', second, 'name', '-', '1', '0')).not.toContain('replaced 1');
  expect(existsSync(join(site, second, 'ran'))).toBe(true);
});

test('what an attempt left is that of the one whose result counts instead', () => {
  attempt(1, withResult);
  writeFileSync(join(site, attempt(1), 'output.log'), 'printed by the first');
  const second = attempt(2, { 'run.lock': 'replaced 1\n' });
  const answer = call('fetch', second, 'name', '0');
  expect(answer).toEqual(expect.arrayContaining(['replaced 1', 'printed by the first', 'fetched']));
});

test('an attempt that is given up does not begin any more, wherever it stands', () => {
  const text = 'block its block has ended\n';
  const give_up = (path: string): readonly string[] => call('give_up', path, 'name', '-', '-', text, '0');
  for (const path of [attempt(1), `${study}/4/a1`]) {
    expect(give_up(path)).toEqual(['tombstone block its block has ended', 'looked']);
    begin(path);
    expect(existsSync(join(site, path, 'ran'))).toBe(false);
  }
  // The first words stay, and a result that was written before is told.
  expect(call('give_up', attempt(2, withResult), 'name', '-', '-', text, '0')).toEqual([
    'status 0',
    'result',
    'tombstone site its node died',
    'owner 1.pbs node1 1',
    'looked',
  ]);
});

test('the checkpoint of an attempt moves on to the next one when that begins', () => {
  const first = attempt(1);
  const checkpoint = (name: string): string => join(site, study, '3', name);
  mkdirSync(checkpoint('checkpoint'));
  writeFileSync(join(checkpoint('checkpoint'), 'state'), 'x');
  expect(call('has_checkpoint', first)).toEqual(['yes']);
  const third = attempt(3);
  expect(call('has_checkpoint', third)).toEqual(['yes']);
  begin(third);
  expect(existsSync(checkpoint('checkpoint'))).toBe(false);
  expect(readFileSync(join(checkpoint('checkpoint.3'), 'state'), 'utf8')).toBe('x');
  // A program of the first attempt that lives on makes its own anew: nobody goes on from there.
  mkdirSync(checkpoint('checkpoint'));
  expect(call('has_checkpoint', attempt(4))).toEqual(['yes']);
  expect(call('has_checkpoint', attempt(2))).toEqual(['no']);
});
