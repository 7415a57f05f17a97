import { globSync } from 'node:fs';
import { PreparedStudies, preparationCases } from '../support/prepared-studies';

let studies: PreparedStudies;
beforeAll(async () => {
  studies = await PreparedStudies.start();
});
afterAll(() => studies.destroy());

// test/slow has the other places.
describe('in a job', () => {
  preparationCases('cluster', 'job', () => studies);
});

test('what was corrected is what the same worker prepares when the study is started again', async () => {
  const { code } = await studies.installation.perdure('run', studies.write('corrected', { run: 'exit 3' }));
  expect(code).toBe(1);
  await studies.installation.must('run', studies.write('corrected', { run: 'echo 2 >data' }));
  expect(await studies.status('corrected')).toMatchObject({ state: 'complete', best: { values: [2] } });
});

test('its timeout fails the study', async () => {
  await studies.installation.perdure('run', studies.write('slow', { run: 'sleep 300', timeout: '1s' }));
  expect((await studies.status('slow')).reason).toContain('it was ended at its timeout');
});

test('two studies that want the same have it prepared once; a change of a file prepares it anew', async () => {
  const counts = (): number =>
    globSync('home/**/prepared/*/counted', { cwd: studies.installation.folder }).length;
  const run = async (name: string): Promise<void> => {
    const file = studies.installation.write(
      `${name}.yaml`,
      `name: ${name}
objective: {metric: value, direction: minimize}
space: {x: {type: float, low: 0, high: 1}}
trial: {command: [sh, -c, 'echo 1 >"$PERDURE_RESULT"'], files: [data.txt]}
budget: {trials: 1}
prepare: [touch counted, 'echo run >>${studies.log('shared')}']
`,
    );
    await studies.installation.must('run', file);
  };
  studies.installation.write('data.txt', 'a');
  await Promise.all([run('same-1'), run('same-2')]);
  expect(studies.said('shared')).toBe('run\n');
  studies.installation.write('data.txt', 'b');
  await run('other');
  expect(studies.said('shared')).toBe('run\nrun\n');
  expect(counts()).toBe(2);
});
