import { studyKey } from '../../../src/schedulers/job-key';
import { choose, type Survey } from '../../../src/schedulers/storeroom';

/* What may be removed from a site. */

const key = studyKey('one');
const sha = 'a'.repeat(64);
const nothing: Survey = { old: [], live: [], ended: [], lastBlock: null, shims: [] };
const study = { uuid: 'one', ended: false, open: [3], files: [sha] };

function chosen(survey: Partial<Survey>): readonly string[] {
  return [...choose({ ...nothing, ...survey }, [study]).values()].flat();
}

test('trials that have ended, and those of studies that the ledger does not know', () => {
  const unknown = studyKey('unknown');
  expect(chosen({ old: [`${key}/1`, `${key}/3`, `${unknown}/3`] })).toEqual([`${key}/1`, `${unknown}/3`]);
});

test('no trial that a job still runs, whatever the ledger says', () => {
  expect(chosen({ old: [`${key}/1`, `${key}/2`], live: [`${key}/1/a2`] })).toEqual([`${key}/2`]);
});

test('no file of a running study', () => {
  const other = `files/${'b'.repeat(64)}`;
  expect(chosen({ old: [`files/${sha}`, other] })).toEqual([other]);
});

test('blocks that are over, but the last one, from which the next number comes', () => {
  const blocks = ['blocks/b000001', 'blocks/b000002', 'blocks/b000003', 'blocks/b000004'];
  const survey = {
    old: blocks,
    ended: blocks.slice(1),
    live: ['blocks/b000002'],
    lastBlock: 'blocks/b000004',
  };
  expect(chosen(survey)).toEqual(['blocks/b000003']);
});

test('notes on jobs that are gone, and news of trials that have ended', () => {
  const old = ['jobs/1.pbs', 'jobs/2.pbs', 'jobs/3[].pbs', `news/${key}.1.1`, `news/${key}.3.1`];
  expect(chosen({ old, live: ['jobs/2.pbs'] })).toEqual(['jobs/1.pbs', 'jobs/3[].pbs', `news/${key}.1.1`]);
});

test('nothing that Perdure did not make', () => {
  const old = [
    ...[
      '',
      '.',
      '..',
      '/',
      '/etc/passwd',
      '../x',
      `../${key}/1`,
      `${key}/../1`,
      `${key}/1/a1`,
      `${key}/notes`,
      key,
    ],
    ...[
      'files',
      'files/..',
      'files/notes.txt',
      'shim/mine',
      'blocks/b1/..',
      'jobs/-rf',
      'jobs/notes',
      'results/1',
    ],
    ...['.removed-', '.removed-/..', '.removed-1 2', 'slots.db', 'ready/x', `${key}/1\n`],
  ];
  expect(chosen({ old })).toEqual([]);
});
