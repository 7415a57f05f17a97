import { counts } from '../../../src/cli/status-text';
import type { StudyStatus } from '../../../src/client/study-status';

function status(trials: Partial<StudyStatus['trials']>, budget: number | null): StudyStatus {
  return {
    ...{ study: 's', state: 'running', reason: '', best: null, login_required: {}, agent: null },
    ...{ budget, trials: { ...none, ...trials } },
  };
}
const none: StudyStatus['trials'] = {
  ...{ complete: 0, pruned: 0, failed: 0, running: 0, waiting: 0 },
  started_by_optuna: { ended: 0, running: 0 },
};

test('the counts of a study tell how much of its budget is used, without the trials of Optuna', () => {
  expect(counts(status({ complete: 3, running: 2 }, 10))).toBe('3 complete, 2 running of 10');
  expect(counts(status({ complete: 3 }, 2))).toBe('3 complete (budget: 2)');
  const optuna = { started_by_optuna: { ended: 12, running: 1 } };
  expect(counts(status({ complete: 14, failed: 1, running: 2, ...optuna }, 10))).toBe(
    '14 complete, 1 failed, 2 running, 1 marked RUNNING by Optuna (budget: 5 of 10)',
  );
  expect(counts(status({ complete: 14, ...optuna }, null))).toBe('14 complete, 1 marked RUNNING by Optuna');
});
