import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { connect } from '../client/connect';
import { hasHeartbeat, queueState } from '../client/queue-state';
import { registerSearchAttributes } from '../client/search-attribute-registry';
import { startWorkerCommand } from '../client/study-facts';
import type { Settings } from '../config/settings';
import { ensureWorker, type Replacement } from '../server/background-worker';
import { ensureServer } from '../server/embedded-server';
import { withCleanUp } from '../study/clean-up';
import { PerdureError } from '../study/error';
import { checkSurroundings } from './check-surroundings';
import { say } from './terminal';

const replacements: Readonly<Record<Replacement, string>> = {
  settings: 'replaced the worker, as the settings have changed; its jobs go on',
  update: 'replaced the worker, as Perdure has been updated since it was started; its jobs go on',
};

/** How long a worker that runs may take to poll: it may have to find a server that was started again (milliseconds). */
const pollsWithin = 30_000;

/** The option of every command that runs trials or jobs. */
export const workerOption = [
  '--worker',
  'start a worker here, also where the settings name a Temporal server of your own',
] as const;

export interface WorkerOption {
  readonly worker?: boolean;
}

/**
 * Starts the embedded server and a worker where they don't run, and says so. Where the settings name a Temporal server, others
 * may run its workers: then a worker is started only if it is asked for, and how many are alive is said.
 * @param sites whose workers are counted
 * @throws {@link PerdureError} `Unavailable` where Temporal does not answer, or a worker process runs and does nothing
 */
export async function ensureRunning(
  settings: Settings,
  { worker = false }: WorkerOption,
  sites: readonly string[] = [],
): Promise<void> {
  await checkSurroundings(settings);
  const embedded = settings.temporal.kind === 'embedded';
  if (embedded) {
    const server = await ensureServer(settings.home, say);
    if (server.started) say(`started the Temporal server at ${server.address}, its UI at ${server.ui}`);
  }
  const client = await connect(settings);
  await withCleanUp(
    async () => {
      if (!embedded) await registerSearchAttributes(client);
      if (embedded || worker) await ensureLiveWorker(settings, client);
      else await sayWorkers(settings, client, sites);
    },
    () => client.connection.close(),
  );
}

async function ensureLiveWorker(settings: Settings, client: Client): Promise<void> {
  const { started, replaced, otherInstallation, pid } = await ensureWorker(settings);
  if (otherInstallation !== null) {
    const { version, root } = otherInstallation;
    say(
      `the worker in the background is of Perdure ${version} in ${root}, and goes on; to replace it by this installation's: perdure down, then perdure up`,
    );
  }
  if (started) {
    say(replaced === null ? 'started a worker in the background' : replacements[replaced]);
    return;
  }
  const until = Date.now() + pollsWithin;
  const isLive = async (): Promise<boolean> =>
    (await hasHeartbeat(client, pid)) ?? (await queueState(client, null)).alive > 0;
  while (!(await isLive())) {
    if (Date.now() > until) {
      throw new PerdureError(
        'Unavailable',
        `the worker runs (process ${String(pid)}), but Temporal does not hear from it`,
        {
          where: `${settings.home}/logs/worker.log`,
          hint: 'end it and start it again: perdure up --restart; running jobs go on',
        },
      );
    }
    await sleep(500);
  }
}

/** Tells who will do the work; a person who sees that nobody will can start a worker while the study waits. */
async function sayWorkers(settings: Settings, client: Client, sites: readonly string[]): Promise<void> {
  const [own, ...others] = await Promise.all([null, ...sites].map((site) => queueState(client, site)));
  if (own === undefined) return;
  if (own.alive === 0) {
    say(
      `no worker is alive: nothing runs until one is\n  start one: ${startWorkerCommand(settings)}; or start this command with --worker`,
    );
    return;
  }
  say(own.alive === 1 ? '1 worker is alive' : `${String(own.alive)} workers are alive`);
  for (const { site, alive } of others)
    if (alive === 0) say(`no live worker serves site '${String(site)}': its trials wait for one`);
}
