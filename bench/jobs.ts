/*
 * A long list of jobs that do nothing, as one workflow, to its end; its worker is killed on the way. Prints its speed, its runs and
 * their events, and the worker's memory. Run: npm run bench:jobs [JOBS [PARALLEL]]
 */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { openBatch } from '../src/client/open-batch';
import { loadJobs } from '../src/config';
import { Installation, until } from '../test/support/installation';

async function main(): Promise<void> {
  const [count = 2000, parallel = 16] = process.argv.slice(2).map(Number);
  const installation = new Installation({ slots: parallel });
  try {
    await installation.must('up');
    const lines = Array.from({ length: count }, (_, i) =>
      JSON.stringify({
        job_id: `j${String(i)}`,
        command: ['sh', '-c', `echo ${String(i)} >>"$LOG"; echo ${String(i)} >"$PERDURE_RESULT"`],
        env: { LOG: `${installation.folder}/log` },
      }),
    );
    const { jobs } = await loadJobs(installation.write('jobs.jsonl', lines.join('\n')));
    const session = await installation.session();
    const from = performance.now();
    const request = { kind: 'batch', name: 'long', site: 'local', jobs, parallel } as const;
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
    const wrong = reports.filter(({ state, result }, i) => state !== 'COMPLETE' || result !== i);
    const twice = await repeated(installation);
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
        `${String(wrong.length)} jobs with a wrong end, ${String(twice)} that ran twice`,
      ].join('\n'),
    );
    process.exitCode = wrong.length + twice === 0 ? 0 : 1;
  } finally {
    await installation.must('down').catch(() => undefined);
    await installation.destroy();
  }
}

/** Lines that are there more than once. */
async function repeated({ folder }: Installation): Promise<number> {
  const lines = (await readFile(`${folder}/log`, 'utf8')).split('\n').slice(0, -1);
  return lines.length - new Set(lines).size;
}

function seconds(from: number): string {
  return ((performance.now() - from) / 1000).toFixed(1);
}

void main();
