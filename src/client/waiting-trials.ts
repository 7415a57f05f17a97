import type { Trial } from '../study/trial';
import { trialWorkflowId } from '../study/workflow-id';
import { describeWorkflow, pendingNotes } from './describe-workflow';
import type { Session } from './session';

/** A running trial whose job waits. */
export interface WaitingTrial {
  readonly number: number;
  /** What for, in the words of the site or its scheduler (PBS' own comment). */
  readonly why: string;
}

/** Each costs a question to Temporal. */
const most = 32;

/**
 * What the running ones of these trials wait for, as the last look at each of them had it; of very many, the first ones.
 * @throws {@link PerdureError} `Unavailable` where Temporal does not answer
 */
export async function waitingTrials(
  session: Session,
  workflowId: string,
  trials: readonly Trial[],
): Promise<readonly WaitingTrial[]> {
  const running = trials.filter(({ state }) => state === 'RUNNING').slice(0, most);
  const told = await Promise.all(
    running.map(async ({ number }): Promise<readonly WaitingTrial[]> => {
      const workflow = await describeWorkflow(session, trialWorkflowId(workflowId, number));
      const [why] = workflow === null ? [] : pendingNotes(workflow);
      return why === undefined ? [] : [{ number, why }];
    }),
  );
  return told.flat();
}
