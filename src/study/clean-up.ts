type Step = () => unknown;

/**
 * Runs the work and then every clean-up step in order, even if the work or an earlier step fails. Use it instead of a `finally`
 * block that awaits: an error in such a block would replace the error of the work.
 * @param steps functions, or lists of functions
 * @throws the first error; its `cleanUpErrors` holds the later ones, and the log shows them
 */
export async function withCleanUp<T>(
  work: () => Promise<T>,
  ...steps: readonly (Step | readonly Step[])[]
): Promise<T> {
  const errors: unknown[] = [];
  const result = await work().catch((error: unknown) => {
    errors.push(error);
    return undefined as T;
  });
  await runAll(steps.flat(), errors);
  throwFirst(errors);
  return result;
}

/** Runs every step in order, even if an earlier one fails. @throws as {@link withCleanUp} */
export async function cleanUp(...steps: readonly Step[]): Promise<void> {
  const errors: unknown[] = [];
  await runAll(steps, errors);
  throwFirst(errors);
}

async function runAll(steps: readonly Step[], errors: unknown[]): Promise<void> {
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
