import { activitiesTogether } from '../../src/worker/activities-together';

/* Activities are known by their names alone; checked by the compiler first, so `npm run check` is a part of this test. */

const study = { open: (): string => 'study', close: (): number => 1 };
const site = { submit: (): string => 'site' };
const batch = { close: (): string => 'batch' };

test('activities of several kinds make one worker’s', () => {
  const all = activitiesTogether([study, site, { count: (): number => 2 }]);
  const answers: readonly [string, number, string, number] = [
    all.open(),
    all.close(),
    all.submit(),
    all.count(),
  ];
  expect(answers).toEqual(['study', 1, 'site', 2]);
});

test('two of one name do not compile, and are refused when a worker starts', () => {
  // @ts-expect-error -- `close` is there twice
  expect(() => activitiesTogether([study, site, batch])).toThrow(
    "two activities of a worker have the name 'close'",
  );
  // @ts-expect-error -- so it is where they are neighbours
  expect(() => activitiesTogether([study, batch])).toThrow("have the name 'close'");
});

test('where types don’t tell it is refused all the same', () => {
  const untold: Readonly<Record<'other', unknown>> = Object.assign({ other: 1 }, { submit: 2 });
  expect(() => activitiesTogether([site, untold])).toThrow("have the name 'submit'");
});
