import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Session } from '../../src/client/session';
import { openStudy } from '../../src/client/start-study';
import { readStudy } from '../../src/config';
import type { Trial } from '../../src/study/trial';
import { Installation } from '../support/installation';

let installation: Installation;
let session: Session;

beforeAll(async () => {
  installation = new Installation({ slots: 8 });
  await installation.must('up');
  session = await installation.session();
});

afterAll(async () => {
  await session.close();
  await installation.must('down').catch(() => undefined);
  await installation.destroy();
});

const script = `echo '{"step": 1, "value": 7}' >>"$PERDURE_INTERMEDIATE"
[ "$1" != 2 ] || exit 3
echo "$1" >"$PERDURE_RESULT"
`;

/** Runs a study over x = 0, 1, 2, of which the last one fails. */
async function run(name: string, changes: object = {}, text = script): Promise<readonly Trial[]> {
  installation.write('trial.sh', text);
  const study = await readStudy(
    {
      name,
      objective: { metric: 'value', direction: 'minimize' },
      space: { x: { type: 'int', low: 0, high: 2 } },
      sampler: { type: 'grid', seed: 1 },
      trial: { command: ['sh', 'trial.sh', '{x}'], files: ['trial.sh'] },
      budget: { parallel: 3 },
      ...changes,
    },
    { where: 'test', directory: installation.folder },
  );
  const { handle } = await openStudy(session, study);
  await handle.result();
  return [...(await handle.trials())].sort((a, b) => Number(a.params['x']) - Number(b.params['x']));
}

function sources(trials: readonly Trial[]): readonly unknown[] {
  return trials.map(({ userAttrs }) => (userAttrs['cached_from'] as { study: string } | undefined)?.study);
}

test('results are taken from equal trials of other studies, with their source, and only what is COMPLETE', async () => {
  expect(sources(await run('first', { cache: true }))).toEqual([undefined, undefined, undefined]);
  const second = await run('second', { cache: true });
  expect(sources(second)).toEqual(['first', 'first', undefined]);
  expect(second.map(({ state, values }) => [state, values])).toEqual([
    ['COMPLETE', [0]],
    ['COMPLETE', [1]],
    ['FAIL', null],
  ]);
  expect([...second[0]!.intermediateValues]).toEqual([[1, 7]]);
  expect(await session.ledger.listJobs('second', second[0]!.number)).toEqual([]);
  expect(await session.ledger.listJobs('second', second[2]!.number)).toHaveLength(1);
  // Without the word nothing is taken, and nothing from a study with other files.
  expect(sources(await run('without'))).toEqual([undefined, undefined, undefined]);
  expect(sources(await run('edited', { cache: true }, `${script}# edited\n`))).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});

test('read takes results and keeps none', async () => {
  const text = `${script}# read\n`;
  expect(sources(await run('read-1', { cache: 'read' }, text))).toEqual([undefined, undefined, undefined]);
  expect(sources(await run('read-2', { cache: 'read' }, text))).toEqual([undefined, undefined, undefined]);
  await run('kept', { cache: true }, text);
  expect(sources(await run('read-3', { cache: 'read' }, text))).toEqual(['kept', 'kept', undefined]);
});

test('equal trials at the same time both run, later ones are taken from one of them', async () => {
  const changes = {
    cache: true,
    space: { x: { type: 'categorical', choices: [1] } },
    sampler: { type: 'random', seed: 1 },
  };
  // The first two wait for each other, so that neither has a result when the other one asks for it.
  const places = join(installation.folder, 'twins');
  mkdirSync(places);
  const text = `: >'${places}'/$$\nwhile [ "$(ls '${places}' | wc -l)" -lt 2 ]; do sleep 0.05; done\n${script}`;
  const trials = await run('twins', { ...changes, budget: { trials: 6, parallel: 2 } }, text);
  expect(trials.map(({ state }) => state)).toEqual(trials.map(() => 'COMPLETE'));
  expect(trials.filter((trial) => sources([trial])[0] === 'twins')).toHaveLength(4);
});
