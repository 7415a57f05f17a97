import { execFileSync } from 'node:child_process';
import type { Answer } from '../../../src/schedulers/remote/site-answer';
import { siteClock, timeLine } from '../../../src/schedulers/remote/site-clock';

function said(text: string): Answer {
  return { lines: [{ word: 'now', text }], data: new Map() };
}

test('the line tells the time, of which the lead is made', () => {
  const say = 'say() { echo "$@"; }';
  const [word, number, text = ''] = execFileSync('sh', ['-c', `${say}\n${timeLine('7')}`], {
    encoding: 'utf8',
  })
    .trim()
    .split(' ');
  expect([word, number]).toEqual(['now', '7']);
  // Whole seconds of the same machine.
  expect(Math.abs(siteClock(said(text)) ?? Number.NaN)).toBeLessThan(60);
  expect(siteClock(said(String(Number(text) + 3600)))).toBeGreaterThan(3500);
});

test.each([undefined, { lines: [], data: new Map() }, said('soon')])('%j tells no time', (answer) => {
  expect(siteClock(answer)).toBeNull();
});
