import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  identify,
  isAlive,
  isGroupAlive,
  parseIdentity,
  signalGroup,
} from '../../../src/process/process-group';

describe('the identity of a process', () => {
  test('is read once its line is complete', () => {
    expect(parseIdentity('4711 123 4c-5d\n')).toEqual({ pid: 4711, start: '123', boot: '4c-5d' });
    expect(parseIdentity('4711 Mon_Jan_1_10:00:00_2026_ -\n')).toMatchObject({
      start: 'Mon_Jan_1_10:00:00_2026_',
    });
  });

  test.each([
    '',
    '4711',
    '4711 123',
    '4711 123 4c-5d',
    '4711 123 4c',
    'x 1 2\n',
    '-5 1 2\n',
    ' 4711 1 2\n',
    '4711  2\n',
  ])('is not read from %j', (text) => {
    expect(parseIdentity(text)).toBeNull();
  });

  test.each(['0', '1', '00', '99999999999999999999'])('is never %s, whose group is not a job', (pid) => {
    expect(parseIdentity(`${pid} 1 2\n`)).toBeNull();
  });

  test('is that of a running process only', async () => {
    const me = identify(process.pid);
    expect(me).not.toBeNull();
    if (me === null) return;
    expect(isAlive(me)).toBe(true);
    const child = spawn('true');
    await once(child, 'exit');
    expect(identify(child.pid ?? 0)).toBeNull();
  });

  test('differs where the id was given to another process, or by another boot', () => {
    const me = identify(process.pid);
    if (me === null) throw new Error('this process runs');
    for (const other of [
      { ...me, start: '1' },
      { ...me, boot: 'another' },
    ]) {
      expect(isAlive(other)).toBe(false);
      expect(isGroupAlive(other)).toBe(false);
      // Would end this process.
      signalGroup(other, 'SIGKILL');
    }
  });

  test('still names its group when the leader is gone', async () => {
    const leader = spawn('/bin/sh', ['-c', 'sleep 60 & echo started; wait'], {
      detached: true,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    await once(leader.stdout, 'data');
    const identity = identify(leader.pid ?? 0);
    if (identity === null) throw new Error('the leader runs');
    leader.kill('SIGKILL');
    await once(leader, 'exit');
    expect(isAlive(identity)).toBe(false);
    expect(isGroupAlive(identity)).toBe(true);
    signalGroup(identity, 'SIGKILL');
    while (isGroupAlive(identity)) await sleep(5);
    signalGroup(identity, 'SIGTERM');
  });
});
