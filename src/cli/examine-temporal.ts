import type { Client } from '@temporalio/client';
import { connect } from '../client/connect';
import { failingTask } from '../client/failing-task';
import { queueState } from '../client/queue-state';
import { registerSearchAttributes } from '../client/search-attribute-registry';
import { startWorkerCommand } from '../client/study-facts';
import type { Settings } from '../config/settings';
import { withCleanUp } from '../study/clean-up';
import { siteQueue, STUDY_QUEUE } from '../study/task-queues';
import { backlogText, waitingFor, type StudyFacts } from '../study/waiting';
import { failure, look, type Finding } from './finding';

/** How many running studies are checked; each takes a request to Temporal. */
const maxStudies = 50;

/** Checks the Temporal server, the live workers and the backlog of each task queue, and the workflow tasks of running studies. */
export async function* examineTemporal(settings: Settings): AsyncGenerator<Finding> {
  let client: Client;
  try {
    client = await connect(settings);
  } catch (error) {
    yield { ...failure('Temporal', error), temporal: true };
    return;
  }
  yield* await withCleanUp(
    () => examineConnected(settings, client),
    () => client.connection.close(),
  );
}

async function examineConnected(settings: Settings, client: Client): Promise<readonly Finding[]> {
  const found: Finding[] = [
    { what: 'Temporal', ok: true, found: `answers, namespace ${client.options.namespace}` },
    await look('search attributes', async () => {
      const missing = await registerSearchAttributes(client);
      return missing.length === 0 ? 'registered' : `registered now: ${missing.join(', ')}`;
    }),
  ];
  for (const site of [null, ...Object.keys(settings.sites)])
    found.push(await examineQueue(settings, client, site));
  return [...found, ...(await examineTasks(client))];
}

async function examineQueue(settings: Settings, client: Client, site: string | null): Promise<Finding> {
  const what = `workers of '${site === null ? STUDY_QUEUE : siteQueue(site)}'`;
  try {
    const queue = await queueState(client, site);
    if (queue === null) return { what, ok: true, found: 'unknown: the server does not show its workers' };
    const ok = queue.alive > 0;
    const found = `${String(queue.alive)} alive${backlogText(queue)}`;
    return { what, ok, found, ...(ok ? {} : { hint: `start one: ${startWorkerCommand(settings)}` }) };
  } catch (error) {
    return { ...failure(what, error), temporal: true };
  }
}

/** The studies whose workflow task keeps failing, described as in their status. */
async function examineTasks(client: Client): Promise<readonly Finding[]> {
  const found: Finding[] = [];
  let looked = 0;
  const running = client.workflow.list({ query: `ExecutionStatus = 'Running' AND WorkflowType = 'study'` });
  for await (const { workflowId } of running) {
    if (looked++ === maxStudies) break;
    const task = await failingTask(client, await client.workflow.getHandle(workflowId).describe(), null);
    if (task === null) continue;
    for (const { message, action } of waitingFor({ ...nothingElse, tasks: [task] }))
      found.push({
        what: `study ${workflowId.replace(/^perdure\//, '')}`,
        ok: false,
        found: message,
        ...(action === null ? {} : { hint: action }),
      });
  }
  return found;
}

/** No facts but those that are added. */
const nothingElse: StudyFacts = {
  study: '',
  state: 'running',
  reason: '',
  running: 0,
  logins: {},
  approvals: [],
};
