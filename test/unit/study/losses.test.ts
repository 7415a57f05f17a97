import { Losses } from '../../../src/study/losses';

/** How many attempts are made after such losses until no other one may be made. */
function attempts(
  loss: Parameters<Losses['allow']>[0],
  losses = new Losses({ retries: 2, maxResumes: 3 }),
): number {
  let count = 1;
  while (losses.allow(loss)) count += 1;
  return count;
}

test('a trial that its blocks end again and again is given up, sooner where it leaves no checkpoint', () => {
  expect(attempts({ cause: 'block' })).toBe(11);
  expect(attempts({ cause: 'block', checkpoint: false })).toBe(11);
  expect(attempts({ cause: 'block', checkpoint: true })).toBe(51);
});

test('what was counted before counts on', () => {
  const before = new Losses({ retries: 0 });
  for (let i = 0; i < 4; i += 1) before.allow({ cause: 'block' });
  expect(attempts({ cause: 'block' }, new Losses({ retries: 0 }, before.counts))).toBe(7);
});

test('a loss to the site is a retry, and the walltime with a checkpoint a resumption', () => {
  expect(attempts({ cause: 'site' })).toBe(3);
  expect(attempts({ cause: 'walltime', checkpoint: true })).toBe(6);
});
