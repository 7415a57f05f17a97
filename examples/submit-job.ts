/*
 * Jobs without a study from a program: trains once for each learning rate, wherever the site is, and prints what came back.
 *
 *   npx tsx examples/submit-job.ts                     # on this machine
 *   SITE=globus_compute npx tsx examples/submit-job.ts # at the settings' endpoint of Globus Compute
 *
 * The same program again finds the jobs that it has submitted; nothing is trained twice.
 */
import { ensureServer, ensureWorker, loadSettings, PerdureError, Session, submitJob } from 'perdure';

async function main(): Promise<void> {
  const settings = await loadSettings();
  await ensureServer(settings.home);
  await ensureWorker(settings);

  const { SITE: site = 'local', PYTHON: python = 'python3' } = process.env;
  const session = await Session.open({ settings });
  try {
    const jobs = await Promise.all(
      [0.001, 0.01].map((lr) =>
        submitJob(
          site,
          {
            job_id: `torch-${String(lr)}-at-${site}`,
            function: 'torch_test.py:train_wrapper',
            params: { lr, batch: 32, optimizer: 'adam' },
            python,
            timeout: '10m',
          },
          { session, directory: __dirname },
        ),
      ),
    );
    for (const job of jobs) {
      const { job_id: id, state, result, error } = await job.result();
      console.log(id, state, JSON.stringify(result ?? error));
    }
  } finally {
    await session.close();
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof PerdureError ? error.text : error);
  process.exitCode = 1;
});
