import { cleanUp, withCleanUp } from '../../../src/study/clean-up';

const fail = (words: string) => (): Promise<never> => Promise.reject(new Error(words));

test('an error of the clean-up does not hide the error of the work', async () => {
  const steps: string[] = [];
  const failing = withCleanUp(fail('no such namespace'), fail('connection is in use'), () => {
    steps.push('ledger closed');
  });
  await expect(failing).rejects.toMatchObject({
    message: 'no such namespace',
    cleanUpErrors: [{ message: 'connection is in use' }],
  });
  expect(steps).toEqual(['ledger closed']);
});

test('an error of the clean-up is thrown where the work succeeded', async () => {
  await expect(withCleanUp(() => Promise.resolve(1), fail('disk is full'))).rejects.toThrow('disk is full');
  await expect(cleanUp(fail('first'), fail('second'))).rejects.toThrow('first');
});

test('the result of the work is returned after the clean-up', async () => {
  const steps: string[] = [];
  const result = await withCleanUp(
    () => {
      steps.push('work');
      return Promise.resolve(7);
    },
    () => {
      steps.push('clean-up');
    },
  );
  expect(result).toBe(7);
  expect(steps).toEqual(['work', 'clean-up']);
});
