import { setTimeout as sleep } from 'node:timers/promises';

/** The test server may leave the question for a workflow's end unanswered that comes when one run gives way to the next. */
const askAgainAfterMs = 1000;
const timeoutMs = 15_000;

/** The result of a workflow's last run. @param ask asks for the end of the latest run */
export async function resultOf<Result>(ask: () => Promise<Result>): Promise<Result> {
  for (let waited = 0; waited < timeoutMs; waited += askAgainAfterMs) {
    const asked = ask();
    // A later question may be answered first, and the test be over.
    asked.catch(() => undefined);
    const answer = await Promise.race([asked.then((value) => ({ value })), sleep(askAgainAfterMs, null)]);
    if (answer !== null) return answer.value;
  }
  throw new Error(`the workflow has not ended after ${String(timeoutMs / 1000)} s`);
}
