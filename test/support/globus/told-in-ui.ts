import type { Client } from '@temporalio/client';

/** What Temporal UI shows of a workflow: the summaries of its activities, and its details. */
export interface ToldInUi {
  readonly summaries: readonly string[];
  readonly details: string;
}

export async function toldInUi(client: Client, workflowId: string): Promise<ToldInUi> {
  const handle = client.workflow.getHandle(workflowId);
  const { events } = await handle.fetchHistory();
  const summaries = (events ?? []).flatMap(({ userMetadata }) => {
    const data = userMetadata?.summary?.data;
    return data == null ? [] : [JSON.parse(Buffer.from(data).toString('utf8')) as string];
  });
  const { currentDetails } = await handle.query<{ readonly currentDetails: string }>(
    '__temporal_workflow_metadata',
  );
  return { summaries, details: currentDetails };
}
