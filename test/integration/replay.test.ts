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
  const [, kind, study = '', number = ''] = /^(study|trial)-(.*)-(\d+)\.json$/.exec(name) ?? [];
  return kind === 'trial' ? `perdure/${study}/${number}` : `perdure/${study}`;
}

async function replay(
  name: string,
  workflowBundle: { readonly codePath: string } | { readonly code: string },
): Promise<void> {
  const history = JSON.parse(readFileSync(join(histories, name), 'utf8')) as unknown;
  await Worker.runReplayHistory({ workflowBundle }, history, workflowIdOf(name));
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
    await expect(replay('trial-pruned-2.json', changed)).rejects.toThrow(DeterminismViolationError);
  });

  test('a task handed out where none was', async () => {
    const changed = mutated('near === true', 'false');
    await expect(replay('trial-near-0.json', changed)).rejects.toThrow(DeterminismViolationError);
  });
});
