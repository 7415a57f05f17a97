import type { WorkflowExecutionDescription } from '@temporalio/client';
import type { Settings } from '../config/settings';
import type { LedgerStudy } from '../storage/ledger';
import { combined, heardOf } from '../study/combined-health';
import type { SiteFact, StudyFacts } from '../study/waiting';
import { failingTask } from './failing-task';
import { queueState } from './queue-state';
import type { Session } from './session';
import type { StudyStatus } from './study-status';
import type { RunningTrialFacts } from './waiting-trials';

/** The command that starts a worker for these settings. */
export function startWorkerCommand({ temporal }: Pick<Settings, 'temporal'>): string {
  return temporal.kind === 'embedded' ? 'perdure up' : 'perdure worker, on a host that may run trials';
}

/** The facts in a status, without a request to Temporal. */
export function factsOfStatus(status: StudyStatus): StudyFacts {
  return {
    study: status.study,
    state: status.state,
    reason: status.reason,
    running: status.trials.running,
    logins: status.login_required,
    approvals: status.agent?.awaiting_approval.map(({ number }) => number) ?? [],
  };
}

/**
 * All facts that decide what a study waits for: its status, workers, workflow tasks, sites and running trials.
 * @throws {@link PerdureError} `Unavailable` where Temporal does not answer
 */
export async function studyFacts(
  session: Session,
  { perdure }: LedgerStudy,
  status: StudyStatus,
  workflow: WorkflowExecutionDescription | null,
  trials: RunningTrialFacts,
): Promise<StudyFacts> {
  const client = await session.client();
  const sites = perdure?.spec.sites ?? [];
  const [own, rows, ...queues] = await Promise.all([
    workflow === null ? null : failingTask(client, workflow, null),
    session.ledger.readSites(),
    ...[null, ...sites].map((site) => queueState(client, site)),
  ]);
  return {
    ...factsOfStatus(status),
    tasks: [...(own === null ? [] : [own]), ...trials.tasks],
    queues: queues.filter((queue) => queue !== null),
    sites: sites.flatMap((site): readonly SiteFact[] => {
      const health = combined(null, heardOf(site, rows));
      if (health === null) return [];
      const { state, reason, free } = health;
      return [{ site, state, reason, free }];
    }),
    jobs: trials.waiting,
    startWorker: startWorkerCommand(session.settings),
  };
}
