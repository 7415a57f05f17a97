import { Itinerary } from '../../../src/study/itinerary';

const loss = { cause: 'site' } as const;

function itinerary(
  sites: readonly string[],
  more: { retries?: number; maxResumes?: number } = {},
): Itinerary {
  return new Itinerary({ sites, retries: 1, ...more });
}

test('with one site there is nothing to choose, and it fails as it always did', () => {
  const way = itinerary(['a']);
  expect(way.next()).toEqual({ kind: 'at', site: 'a', checkpoint: false, others: false });
  way.lost('a', 'its node is gone', loss);
  expect(way.next()).toMatchObject({ kind: 'at', site: 'a' });
  way.lost('a', 'its node is gone', loss);
  expect(way.next()).toEqual({ kind: 'nowhere', reason: 'lost', message: 'its node is gone' });
});

test('each site has its own retries', () => {
  const way = itinerary(['a', 'b']);
  way.lost('a', 'x', loss);
  expect(way.next()).toEqual({ kind: 'choose', sites: ['a', 'b'] });
  way.lost('a', 'x', loss);
  expect(way.next()).toEqual({ kind: 'at', site: 'b', checkpoint: false, others: false });
  way.lost('b', 'y', loss);
  way.lost('b', 'y', loss);
  expect(way.next()).toEqual({ kind: 'nowhere', reason: 'lost', message: 'a: x\nb: y' });
});

test('a site that rejects the trial is out; one that is down, full or needs a login comes again', () => {
  const way = itinerary(['a', 'b', 'c']);
  for (const cause of ['down', 'login', 'full'] as const) way.refused('a', { cause, why: 'so' });
  expect(way.next()).toEqual({ kind: 'choose', sites: ['a', 'b', 'c'] });
  expect(way.before).toEqual({ site: 'a', why: 'it is full: so' });
  way.refused('a', { cause: 'rejected', why: 'no such queue' });
  expect(way.next()).toEqual({ kind: 'choose', sites: ['b', 'c'] });
  way.refused('b', { cause: 'rejected', why: 'no such account' });
  expect(way.next()).toMatchObject({ kind: 'at', site: 'c', others: false });
  expect(way.verdict({ site: 'c', why: 'too long' })).toEqual({
    reason: 'rejected',
    message: 'a: no such queue\nb: no such account\nc: too long',
  });
});

test('sites that have just refused the trial are remembered until one takes it, or each has refused it', () => {
  const way = itinerary(['a', 'b']);
  const full = { cause: 'full', why: 'no room' } as const;
  way.refused('a', full);
  expect(way.refusedBy).toEqual(['a']);
  way.refused('b', full);
  expect(way.refusedBy).toEqual(['b']);
  way.begun();
  expect(way.refusedBy).toEqual([]);
});

test('an attempt that left a checkpoint goes on where that is', () => {
  const way = itinerary(['a', 'b'], { maxResumes: 1, retries: 0 });
  way.lost('a', 'its walltime', { cause: 'walltime', checkpoint: true });
  expect(way.next()).toEqual({ kind: 'at', site: 'a', checkpoint: true, others: true });
  way.refused('a', { cause: 'rejected', why: 'no allocation' });
  expect(way.next()).toMatchObject({ kind: 'at', site: 'b', checkpoint: false });
});

test('a trial that is refused again and again takes its time, until a site takes it', () => {
  const way = itinerary(['a', 'b']);
  const pauses = Array.from({ length: 7 }, () => {
    way.refused('a', { cause: 'down', why: 'so' });
    return way.pause;
  });
  expect(pauses).toEqual([0, 0, 0, 0, 2000, 4000, 8000]);
  for (let i = 0; i < 100; i++) way.refused('a', { cause: 'down', why: 'so' });
  expect(way.pause).toBe(600_000);
  way.begun();
  expect(way.pause).toBe(0);
});
