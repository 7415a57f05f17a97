import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { DeterminismViolationError } from '@temporalio/workflow';

/* Recorded histories go through the present workflows; see test/support/record-histories.ts. */

const histories = resolve(__dirname, '..', 'fixtures', 'histories');
const bundle = resolve(__dirname, '..', '..', 'dist', 'workflow-bundle.js');
const names = readdirSync(histories).sort();

beforeAll(() => {
  Runtime.install({ logger: new DefaultLogger('ERROR', () => undefined) });
});

function workflowIdOf(name: string): string {
  const [, kind = '', what = '', number = ''] = /^([a-z]+)-(.*)-(\d+)\.json$/.exec(name) ?? [];
  switch (kind) {
    case 'study':
      return `perdure/${what}`;
    case 'trial':
      return `perdure/${what}/${number}`;
    case 'agent':
      return `perdure/${what}/agent/${number}`;
    case 'diagnosis':
      return `perdure/diagnose/${what}`;
    default:
      return `perdure/${kind}/${what}`;
  }
}

async function replay(
  name: string,
  workflowBundle: { readonly codePath: string } | { readonly code: string },
): Promise<void> {
  const history = JSON.parse(readFileSync(join(histories, name), 'utf8')) as unknown;
  await Worker.runReplayHistory({ workflowBundle }, history, workflowIdOf(name));
}

interface ScheduledActivity {
  readonly activityTaskScheduledEventAttributes?: { readonly activityType: { readonly name: string } };
}

/** In the order in which they were scheduled. */
function activityNames(name: string): readonly string[] {
  const { events } = JSON.parse(readFileSync(join(histories, name), 'utf8')) as {
    events: ScheduledActivity[];
  };
  return events.flatMap((event) => event.activityTaskScheduledEventAttributes?.activityType.name ?? []);
}

function eventTypes(name: string): readonly string[] {
  const { events } = JSON.parse(readFileSync(join(histories, name), 'utf8')) as {
    events: { eventType: string }[];
  };
  return events.map(({ eventType }) => eventType);
}

test('the histories contain what they are there for', () => {
  const studies = names.filter((name) => name.startsWith('study-'));
  const all = studies.flatMap(eventTypes);
  expect(all).toContain('EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW');
  expect(all).toContain('EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED');
  expect(
    all.filter((type) => type === 'EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED').length,
  ).toBeGreaterThanOrEqual(6);
  expect(names.some((name) => name.startsWith('trial-pruned'))).toBe(true);
  // One that ended within its workflow task, and one that was submitted there and followed by an activity.
  expect(eventTypes('trial-near-0.json')).toContain('EVENT_TYPE_MARKER_RECORDED');
  expect(eventTypes('trial-near-0.json')).not.toContain('EVENT_TYPE_ACTIVITY_TASK_SCHEDULED');
  expect(eventTypes('trial-near-1.json')).toContain('EVENT_TYPE_MARKER_RECORDED');
  expect(eventTypes('trial-near-1.json')).toContain('EVENT_TYPE_ACTIVITY_TASK_SCHEDULED');
});

test('they tell of agents, of several sites, and of jobs without a study', () => {
  const text = (name: string): string => activityNames(name).join(' ');
  expect(text('agent-agent-1.json')).toMatch(
    /agentObserve agentPropose agentValidate agentRepair agentValidate agentCritic agentRecord/,
  );
  expect(text('study-agent-0.json')).toContain('agentAwait');
  expect(text('study-agent-0.json')).toContain('agentDecide');
  expect(
    names
      .filter((name) => name.startsWith('agent-'))
      .some((name) => /^agentObserve agentReflect agentRecord$/.test(text(name))),
  ).toBe(true);
  expect(text('trial-sites-0.json')).toMatch(/^chooseSite startAttempt/);
  expect(text('job-jobs-one-0.json')).toContain('startJob');
  expect(text('diagnosis-diagnosis-0.json')).toContain('judgeDiagnosis');
  const batches = names.filter((name) => name.startsWith('batch-'));
  expect(batches.flatMap(eventTypes)).toContain('EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW');
  expect(batches.flatMap(eventTypes)).toContain('EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED');
});

test.each(names)('%s gives a workflow task the time that a replay needs', (name) => {
  const { events } = JSON.parse(readFileSync(join(histories, name), 'utf8')) as {
    events: { workflowExecutionStartedEventAttributes?: { workflowTaskTimeout: string } }[];
  };
  expect(events[0]?.workflowExecutionStartedEventAttributes?.workflowTaskTimeout).toBe('60s');
});

test.each(names)('%s replays', async (name) => {
  await replay(name, { codePath: bundle });
});

describe('a mutated workflow does not', () => {
  const code = readFileSync(bundle, 'utf8');

  /** What a careless change could do: one more step before the one that was recorded. */
  function mutated(before: string, after: string): { readonly code: string } {
    expect(code).toContain(before);
    return { code: code.replaceAll(before, after) };
  }

  test('a step more in the study', async () => {
    const keys = 'state.nextKeys(';
    const changed = mutated(keys, `(await activities.noteState(ref, 'running', 'x'), state).nextKeys(`);
    await expect(replay('study-pruned-0.json', changed)).rejects.toThrow(DeterminismViolationError);
  });

  test('another activity in the trial', async () => {
    const changed = mutated('.startAttempt(this.current)', '.awaitAttempt(this.current)');
    await expect(replay('trial-sites-0.json', changed)).rejects.toThrow(DeterminismViolationError);
  });

  test('a task handed out where none was', async () => {
    const changed = mutated('near === true', 'false');
    await expect(replay('trial-near-0.json', changed)).rejects.toThrow(DeterminismViolationError);
  });
});
