import { chooseSite, type SiteView } from '../../../src/study/site-choice';

function view(site: string, more: Partial<SiteView> = {}): SiteView {
  return { site, state: 'ok', reason: '', free: null, queued: 0, ...more };
}

const ordered = { spread: false };
const spread = { spread: true };

/** Gives out trials one after the other, each taking a slot or a place in a queue. */
function dealt(views: readonly SiteView[], count: number): Readonly<Record<string, number>> {
  const now = views.map((one) => ({ ...one }));
  const given: Record<string, number> = {};
  for (let i = 0; i < count; i++) {
    const choice = chooseSite(now, spread);
    if (choice.kind === 'wait') break;
    given[choice.site] = (given[choice.site] ?? 0) + 1;
    const at = now.findIndex(({ site }) => site === choice.site);
    const { free, queued, ...rest } = now[at]!;
    now[at] = { ...rest, free: free === null ? null : free - 1, queued: free === null ? queued + 1 : queued };
  }
  return given;
}

test('the first site that takes trials gets them', () => {
  expect(chooseSite([view('a'), view('b')], ordered)).toEqual({ kind: 'site', site: 'a', passed: [] });
});

test('a site that has just refused the trial comes after any other that takes it, whatever it says of itself', () => {
  const views = [view('a'), view('b', { free: 3 })];
  for (const policy of [ordered, { ...spread, preferred: 'a' }])
    expect(chooseSite(views, { ...policy, refusedBy: ['a'] })).toMatchObject({ site: 'b' });
  expect(chooseSite(views, { ...ordered, refusedBy: ['a', 'b'] })).toMatchObject({ site: 'a' });
  expect(chooseSite([view('a'), view('b', { free: 0 })], { ...ordered, refusedBy: ['a'] })).toMatchObject({
    site: 'a',
  });
});

test.each([
  ['is down', { state: 'down', reason: 'no route to host' }, 'is down: no route to host'],
  ['needs a login', { state: 'login', reason: 'a passcode\n  perdure login a' }, 'needs a login: a passcode'],
  ['is full', { free: 0 }, 'is full'],
  ['is not well', { state: 'degraded', reason: 'PBS takes no block' }, 'is not well: PBS takes no block'],
] as const)('a site that %s is passed over, with the reason', (_words, more, why) => {
  expect(chooseSite([view('a', more), view('b')], ordered)).toEqual({
    kind: 'site',
    site: 'b',
    passed: [{ site: 'a', why }],
  });
});

test('a site that is not well is better than one that takes nothing', () => {
  const views = [view('a', { state: 'down' }), view('b', { state: 'degraded' }), view('c', { free: 0 })];
  expect(chooseSite(views, ordered)).toMatchObject({ kind: 'site', site: 'b' });
});

test('where no site takes a trial it waits, and is told of each', () => {
  const views = [view('a', { state: 'login', reason: 'a passcode' }), view('b', { free: 0 })];
  expect(chooseSite(views, ordered)).toEqual({
    kind: 'wait',
    why: 'no site takes a trial now: a needs a login: a passcode; b is full',
  });
});

test('a preferred site goes first where it takes trials, and only there', () => {
  const policy = { spread: false, preferred: 'b' };
  expect(chooseSite([view('a'), view('b')], policy)).toMatchObject({ site: 'b', passed: [] });
  expect(chooseSite([view('a'), view('b', { state: 'down' })], policy)).toMatchObject({
    site: 'a',
    passed: [{ site: 'b', why: 'is down' }],
  });
  expect(
    chooseSite([view('a', { free: 9 }), view('b', { free: 1 })], { ...policy, spread: true }),
  ).toMatchObject({ site: 'b' });
  // One that is not the study's is nobody.
  expect(chooseSite([view('a')], { spread: false, preferred: 'x' })).toMatchObject({ site: 'a' });
});

test('trials are divided by free capacity', () => {
  expect(dealt([view('a', { free: 6 }), view('b', { free: 2 })], 8)).toEqual({ a: 6, b: 2 });
  expect(dealt([view('a', { free: 4 }), view('b', { free: 4 })], 6)).toEqual({ a: 3, b: 3 });
});

test('queues without a limit get the same number each, beside the slots that are free', () => {
  expect(dealt([view('a'), view('b')], 6)).toEqual({ a: 3, b: 3 });
  expect(dealt([view('a', { free: 4 }), view('b')], 8)).toEqual({ a: 4, b: 4 });
});

test('where trials are divided, only sites that are not well count as passed over', () => {
  const views = [view('a', { free: 1 }), view('b', { free: 5 }), view('c', { state: 'down' })];
  expect(chooseSite(views, spread)).toEqual({
    kind: 'site',
    site: 'b',
    passed: [{ site: 'c', why: 'is down' }],
  });
});
