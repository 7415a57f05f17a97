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

/** How long a running worker may take to poll (milliseconds): after a restart of the server it has to connect again. */
const pollTimeoutMs = 30_000;

/** The option of every command that runs trials or jobs. */
export const workerOption = [
  '--worker',
  'start a worker here, even if the settings name a Temporal server of your own',
] as const;

export interface WorkerOption {
  readonly worker?: boolean;
}

/**
 * Starts the embedded server and a worker unless they run, and prints what it started. If the settings name a Temporal server, its
 * workers may run elsewhere: then it starts a worker only with `--worker`, and otherwise prints how many are alive.
 * @param sites the sites whose workers are counted
 * @throws {@link PerdureError} `Unavailable` if Temporal does not answer, or a worker process runs but does not poll
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
      else await reportWorkers(settings, client, sites);
    },
    () => client.connection.close(),
  );
}

async function ensureLiveWorker(settings: Settings, client: Client): Promise<void> {
  const { started, replaced, otherInstallation, pid } = await ensureWorker(settings);
  if (otherInstallation !== null) {
    const { version, root } = otherInstallation;
    say(
      `the background worker belongs to Perdure ${version} in ${root} and keeps running; to replace it: perdure down, then perdure up`,
    );
  }
  if (started) {
    say(replaced === null ? 'started a worker in the background' : replacements[replaced]);
    return;
  }
  const until = Date.now() + pollTimeoutMs;
  const isLive = async (): Promise<boolean> =>
    (await hasHeartbeat(client, pid)) ?? ((await queueState(client, null))?.alive ?? 0) > 0;
  while (!(await isLive())) {
    if (Date.now() > until) {
      throw new PerdureError(
        'Unavailable',
        `the worker runs (process ${String(pid)}), but Temporal receives no heartbeat or poll from it`,
        {
          where: `${settings.home}/logs/worker.log`,
          hint: 'restart it: perdure up --restart; running jobs go on',
        },
      );
    }
    await sleep(500);
  }
}

/** Prints how many workers are alive. If there is none, a person can start one while the study waits. */
async function reportWorkers(settings: Settings, client: Client, sites: readonly string[]): Promise<void> {
  const [own, ...others] = await Promise.all([null, ...sites].map((site) => queueState(client, site)));
  if (own === undefined || own === null) {
    say('the server does not show its workers, so it is unknown whether one is alive');
    return;
  }
  if (own.alive === 0) {
    say(
      `no worker is alive, so nothing runs yet\n  start one: ${startWorkerCommand(settings)}; or repeat this command with --worker`,
    );
    return;
  }
  say(own.alive === 1 ? '1 worker is alive' : `${String(own.alive)} workers are alive`);
  for (const queue of others)
    if (queue?.alive === 0)
      say(`no live worker serves site '${String(queue.site)}': its trials wait for one`);
}
