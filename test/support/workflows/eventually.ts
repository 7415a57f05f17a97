import { setTimeout as sleep } from 'node:timers/promises';

/** Resolves when a condition holds. @throws Error where it does not in time; the workflows of unit tests answer in milliseconds */
export async function eventually(
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeoutMs = 15_000,
): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`after ${String(timeoutMs / 1000)} s still not: ${what}`);
    await sleep(5);
  }
}
