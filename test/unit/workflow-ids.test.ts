import fc from 'fast-check';
import { studyWorkflowId } from '../../src/client/workflow-ids';

test('a name of usual length is there as it is', () => {
  expect(studyWorkflowId('digits')).toBe('perdure/digits');
  expect(studyWorkflowId("a/b c'; --")).toBe("perdure/a/b c'; --");
});

test('a study that is named like a job is kept apart from it', () => {
  expect(studyWorkflowId('job/5')).toMatch(/^perdure\/job\/5~[0-9a-f]{16}$/);
  expect(studyWorkflowId('batch')).toMatch(/^perdure\/batch~[0-9a-f]{16}$/);
  expect(studyWorkflowId('jobs')).toBe('perdure/jobs');
});

test('a study that is named like a trial of another one is kept apart from it', () => {
  expect(studyWorkflowId('exp/1')).toMatch(/^perdure\/exp\/1~[0-9a-f]{16}$/);
  expect(studyWorkflowId('exp/agent')).toMatch(/^perdure\/exp\/agent~[0-9a-f]{16}$/);
  expect(studyWorkflowId('exp/agent/7')).toMatch(/~[0-9a-f]{16}$/);
  expect(studyWorkflowId('exp/v1')).toBe('perdure/exp/v1');
});

test('a long name is cut to what a database holds, and long names stay apart', () => {
  const [one, two] = [studyWorkflowId(`${'x'.repeat(500)}1`), studyWorkflowId(`${'x'.repeat(500)}2`)];
  expect(one).not.toBe(two);
  expect(one).toMatch(/^perdure\/x+~[0-9a-f]{16}$/);
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 512 }), (name) => {
      const id = studyWorkflowId(name);
      expect(Buffer.byteLength(id)).toBeLessThanOrEqual(200);
      expect(id.isWellFormed()).toBe(name.isWellFormed());
    }),
  );
});
