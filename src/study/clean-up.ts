/**
 * Runs the work and then every clean-up step in order, even if the work or an earlier step fails. Use it instead of a `finally`
 * block that awaits: an error that is thrown there replaces the error of the work.
 * @throws the first error; errors of later steps are kept in its `cleanUpErrors`, where the log shows them
 */
export async function withCleanUp<T>(
  work: () => Promise<T>,
  ...steps: readonly (() => unknown)[]
): Promise<T> {
  const errors: unknown[] = [];
  const result = await work().catch((error: unknown) => {
    errors.push(error);
    return undefined as T;
  });
  await runAll(steps, errors);
  throwFirst(errors);
  return result;
}

/** Runs every step in order, even if an earlier one fails. @throws as {@link withCleanUp} */
export async function cleanUp(...steps: readonly (() => unknown)[]): Promise<void> {
  const errors: unknown[] = [];
  await runAll(steps, errors);
  throwFirst(errors);
}

async function runAll(steps: readonly (() => unknown)[], errors: unknown[]): Promise<void> {
  for (const step of steps) {
    try {
      await step();
    } catch (error) {
      errors.push(error);
    }
  }
}

function throwFirst(errors: readonly unknown[]): void {
  const [first, ...later] = errors;
  if (errors.length === 0) return;
  if (first instanceof Error && later.length > 0) Object.assign(first, { cleanUpErrors: later });
  throw first;
}
