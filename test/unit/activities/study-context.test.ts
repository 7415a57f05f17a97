import { StudyContexts } from '../../../src/activities/study-context';
import type { Ledger } from '../../../src/storage';
import { studySpec } from '../../support/study-spec';

const ref = { name: 'study', uuid: 'u' };
let specVersion = 1;
const ledger = {
  findStudy: () =>
    Promise.resolve({
      perdure: { uuid: 'u', seed: 1, spec: studySpec({ name: `v${String(specVersion)}` }), specVersion },
    }),
} as unknown as Ledger;

test('what is done for a later version of a study has that one, whatever was remembered', async () => {
  const contexts = new StudyContexts(ledger, 'host');
  expect((await contexts.get(ref)).spec.name).toBe('v1');
  specVersion = 2;
  expect((await contexts.get(ref)).spec.name).toBe('v1');
  expect((await contexts.get({ ...ref, specVersion: 2 })).spec.name).toBe('v2');
});

test('where the newest is wanted, what was read seconds ago is read again', async () => {
  const clock = jest.spyOn(performance, 'now').mockReturnValue(0);
  try {
    specVersion = 1;
    const contexts = new StudyContexts(ledger, 'host');
    await contexts.newest(ref);
    specVersion = 2;
    expect((await contexts.newest(ref)).spec.name).toBe('v1');
    clock.mockReturnValue(5001);
    expect((await contexts.newest(ref)).spec.name).toBe('v2');
  } finally {
    clock.mockRestore();
  }
});
