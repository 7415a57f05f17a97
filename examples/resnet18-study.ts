/*
 * A study from a program: starts what is missing, runs ResNet-18 with a few settings, and prints what it finds.
 *
 *   npx tsx examples/resnet18-study.ts            # at the settings' endpoint of Globus Compute, else on this machine
 *   SITE=aurora npx tsx examples/resnet18-study.ts
 */
import { ensureServer, ensureWorker, loadSettings, PerdureError, Session, startStudy } from 'perdure';

async function main(): Promise<void> {
  const settings = await loadSettings();
  await ensureServer(settings.home);
  await ensureWorker(settings);

  const { SITE: site, PYTHON: python = 'python3', TRIALS: trials = '8' } = process.env;
  const session = await Session.open({ settings });
  try {
    const study = await startStudy(
      session,
      {
        name: 'resnet18-from-typescript',
        objective: { metric: 'accuracy', direction: 'maximize' },
        space: {
          learning_rate: { type: 'float', low: 1e-4, high: 1e-1, log: true },
          optimizer: { type: 'categorical', choices: ['adam', 'sgd'] },
          batch_size: { type: 'int', low: 32, high: 128, step: 32 },
          num_epochs: { type: 'int', low: 1, high: 3 },
        },
        trial: {
          function: 'resnet18.py:train',
          python,
          // A first look: fewer images than resnet18.yaml has.
          env: { RESNET18_SAMPLES: process.env['RESNET18_SAMPLES'] ?? '2000' },
        },
        budget: { trials: Number(trials), parallel: 2 },
        ...(site === undefined ? {} : { sites: [site] }),
      },
      { directory: __dirname },
    );
    for await (const { state, trials: counts, best } of study.watch())
      console.log(state, counts.complete, 'of', trials, best?.values[0] ?? '');
    const [best] = await study.best();
    console.log('best', best?.values?.[0], best?.params);
  } finally {
    await session.close();
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof PerdureError ? error.text : error);
  process.exitCode = 1;
});
