/*
 * A process of its own that submits jobs to a local site, as a worker does: `node fake-worker.ts '{site, jobs}'`. It says
 * `ready`, waits for a line on its input, submits the jobs one after the other, waiting for slots, says the number of each
 * when it is submitted, and stays until its input ends and its jobs have.
 */
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { createLocalScheduler, type LocalSite } from '../../src/schedulers/local';
import { requestOf, type FakeJob } from './fake-job';

async function main(text: string): Promise<void> {
  const { site, jobs } = JSON.parse(text) as { readonly site: LocalSite; readonly jobs: readonly FakeJob[] };
  const input = createInterface({ input: process.stdin });
  const closed = once(input, 'close');
  const never = new AbortController().signal;
  console.log('ready');
  await once(input, 'line');
  const scheduler = createLocalScheduler(site);
  for (const job of jobs) {
    const request = requestOf(job);
    while (typeof (await scheduler.submit(request)) !== 'string') await scheduler.waitForSlot(1000, never);
    console.log(String(request.key.number));
  }
  await closed;
  for (const job of jobs) {
    const { key } = requestOf(job);
    for (;;) {
      const [seen] = await scheduler.observe([key]);
      if (seen?.state !== 'waiting' && seen?.state !== 'running') break;
      await scheduler.waitForNews(key, 1000, never);
    }
  }
  await scheduler.close();
}

void main(process.argv[2] ?? '');
