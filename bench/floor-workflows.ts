import { ParentClosePolicy, proxyActivities, startChild, workflowInfo } from '@temporalio/workflow';

const { nothing } = proxyActivities<{ nothing(): Promise<void> }>({ startToCloseTimeout: '1m' });

/** The least that a durable trial can be: a child with one activity that does nothing. */
export async function emptyTrial(): Promise<void> {
  await nothing();
}

/** As many children as `count`, `parallel` at a time. */
export async function window(count: number, parallel: number): Promise<void> {
  let next = 0;
  const { workflowId } = workflowInfo();
  const lane = async (): Promise<void> => {
    while (next < count) {
      const child = await startChild(emptyTrial, {
        workflowId: `${workflowId}/${String(next++)}`,
        parentClosePolicy: ParentClosePolicy.ABANDON,
      });
      await child.result();
    }
  };
  await Promise.all(Array.from({ length: parallel }, lane));
}
