/*
 * A long list of jobs that do nothing, as one workflow, to its end; its worker is killed on the way. Prints its speed, its runs and
 * their events. With `pbs`, at a PBS stand-in behind a real sshd. Run: npm run bench:jobs [JOBS [PARALLEL [pbs]]]
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { openBatch } from '../src/client/open-batch';
import { defaultTimes } from '../src/config/times';
import { Installation, until } from '../test/support/installation';
import { JobList } from '../test/support/job-list';
import { SshCluster } from '../test/support/ssh-cluster';

/** Where the jobs run: an installation with the site, and a directory that they may write to. */
interface Place {
  readonly installation: Installation;
  readonly site: string;
  readonly folder: string;
  destroy(): Promise<void>;
}

/** On this machine, or at a PBS stand-in behind a real sshd, whose queue takes fewer jobs than there are at once. */
async function placeOf(scheduler: string, parallel: number): Promise<Place> {
  if (scheduler !== 'pbs') {
    const installation = new Installation({ slots: parallel, times: defaultTimes });
    return {
      installation,
      site: 'local',
      folder: installation.folder,
      destroy: () => installation.destroy(),
    };
  }
  const most = Math.max(1, Math.floor((3 * parallel) / 4));
  const cluster = await SshCluster.start(
    {},
    { self: true, pbs: { queues: { workq: { maxJobsPerUser: most } } } },
  );
  const { installation, folder } = cluster;
  return { installation, site: 'cluster', folder, destroy: () => cluster.destroy() };
}

async function main(): Promise<void> {
  const [words, [scheduler = 'local']] = [process.argv.slice(2, 4), process.argv.slice(4)];
  const [count = 2000, parallel = 16] = words.map(Number);
  const place = await placeOf(scheduler, parallel);
  const { installation, site } = place;
  try {
    await installation.must('up');
    const list = new JobList(installation, place.folder, count);
    const { jobs } = await list.load();
    const session = await installation.session();
    const from = performance.now();
    const request = { kind: 'batch', name: 'long', site, jobs, parallel } as const;
    const { handle } = await openBatch(session, request);
    const opened = seconds(from);
    const ended = async (): Promise<number> => {
      const { COMPLETE, FAIL } = await handle.counts();
      return COMPLETE + FAIL;
    };
    await until('a third has ended', async () => (await ended()) >= count / 3, 3_600_000);
    await installation.kill('worker');
    await installation.must('up');
    console.log(`${seconds(from)} s: ${String(await ended())} jobs have ended, the worker was killed`);
    while ((await ended()) < count) await sleep(500);
    const took = seconds(from);
    const reports = await handle.results();
    const problems = list.problems(reports);
    const client = await session.client();
    const runs: { readonly events: number; readonly bytes: number }[] = [];
    const query = `WorkflowId = '${handle.workflowId}'`;
    await until('its last run is closed', async () => {
      runs.length = 0;
      let open = false;
      for await (const { status, historyLength, historySize } of client.workflow.list({ query })) {
        open ||= status.name === 'RUNNING';
        runs.push({ events: historyLength, bytes: historySize ?? 0 });
      }
      return !open;
    });
    await session.close();
    const events = runs.map((run) => run.events);
    console.log(
      [
        `${String(count)} jobs, ${String(parallel)} at once, in ${took} s (${(count / Number(took)).toFixed(1)} a second), ${opened} s of it to submit them`,
        `${String(runs.length)} runs with ${String(Math.min(...events))} to ${String(Math.max(...events))} events, at most ${String(Math.max(...runs.map(({ bytes }) => bytes)))} bytes`,
        ...(problems.length === 0 ? ['each ran once and ended as it was to'] : problems),
      ].join('\n'),
    );
    process.exitCode = problems.length === 0 ? 0 : 1;
  } finally {
    await installation.must('down').catch(() => undefined);
    await place.destroy();
  }
}

function seconds(from: number): string {
  return ((performance.now() - from) / 1000).toFixed(1);
}

void main();
