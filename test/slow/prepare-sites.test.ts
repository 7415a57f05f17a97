import { pbsPlace, preparationSuite } from '../support/preparation-suite';
import { preparationOf, untilPrepared } from '../support/prepared-site';

/* What `prepare` promises where test/integration does not look. */

describe('at a login node', () => {
  preparationSuite('login', pbsPlace);
});

test('a job of PBS that is tried again has its whole time again', async () => {
  const place = await pbsPlace();
  try {
    // Each is shorter than its time, and both together are longer.
    const script = 'if [ -e ../again ]; then sleep 5; else touch ../again; sleep 6; exit 3; fi\n';
    const scheduler = place.scheduler();
    const prepared = (asker: string): ReturnType<typeof untilPrepared> =>
      untilPrepared(scheduler, preparationOf({ script, in: 'job', timeout: 8000, asker }));
    expect(await prepared('one')).toMatchObject({
      state: 'failed',
      why: expect.stringContaining('exit status 3') as string,
    });
    expect(await prepared('two')).toEqual({ state: 'done' });
  } finally {
    await place.destroy();
  }
});
