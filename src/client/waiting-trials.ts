import type { Trial } from '../study/trial';
import type { FailingTask } from '../study/waiting';
import { trialWorkflowId } from '../study/workflow-id';
import { describeWorkflow, pendingNotes } from './describe-workflow';
import { failingTask } from './failing-task';
import type { Session } from './session';

/** A running trial whose job waits. */
export interface WaitingTrial {
  readonly number: number;
  /** What for, in the words of the site or its scheduler (PBS' own comment). */
  readonly why: string;
}

/** What Temporal knows about running trials. */
export interface RunningTrialFacts {
  readonly waiting: readonly WaitingTrial[];
  /** Their failing workflow tasks. */
  readonly tasks: readonly FailingTask[];
}

/** Each costs a question to Temporal. */
const most = 32;

/**
 * What these running trials wait for, as the last look at each of them had it; of very many, the first ones.
 * @throws {@link PerdureError} `Unavailable` where Temporal does not answer
 */
export async function readTrialFacts(
  session: Session,
  workflowId: string,
  trials: readonly Trial[],
): Promise<RunningTrialFacts> {
  const client = await session.client();
  const looks = await Promise.all(
    trials.slice(0, most).map(async ({ number }): Promise<RunningTrialFacts> => {
      const workflow = await describeWorkflow(session, trialWorkflowId(workflowId, number));
      if (workflow === null) return { waiting: [], tasks: [] };
      const [why] = pendingNotes(workflow);
      const task = await failingTask(client, workflow, number);
      return { waiting: why === undefined ? [] : [{ number, why }], tasks: task === null ? [] : [task] };
    }),
  );
  return {
    waiting: looks.flatMap(({ waiting }) => waiting),
    tasks: looks.flatMap(({ tasks }) => tasks),
  };
}
