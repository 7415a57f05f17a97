import { stopStudy } from '../../../src/workflows/messages';
import { describeWorkflows } from '../../support/workflows/workflow-tests';

const prepare = { prepare: { script: 'true', in: 'login', timeout: 60_000 } } as const;

describeWorkflows('the preparation of a site', (workflows) => {
  test('starts its first trial when the site is prepared', async () => {
    const prepared = Promise.withResolvers<void>();
    const study = await workflows.study({
      spec: prepare,
      budget: { trials: 1 },
      activities: {
        prepareSite: async () => {
          await study.mocks.wait(prepared.promise);
          return { kind: 'prepared' };
        },
      },
    });
    await study.mocks.called('prepareSite');
    expect(await study.progress()).toMatchObject({ state: 'running', reason: 'preparing a' });
    expect(study.mocks.callsOf('propose')).toEqual([]);
    prepared.resolve();
    expect(await study.result()).toMatchObject({ state: 'complete' });
  });

  test('prepares the next site where it fails at the first one', async () => {
    const study = await workflows.study({
      spec: { ...prepare, sites: ['a', 'b'] },
      budget: { trials: 1 },
      activities: {
        prepareSite: ({ site }) => (site === 'a' ? { kind: 'failed', why: 'exit 1' } : { kind: 'prepared' }),
      },
    });
    expect(await study.result()).toMatchObject({ state: 'complete' });
    expect(study.mocks.callsOf('prepareSite').map(([{ site }]) => site)).toEqual(['a', 'b']);
  });

  test('fails where no site can be prepared, with the reason of each', async () => {
    const study = await workflows.study({
      spec: { ...prepare, sites: ['a', 'b'] },
      activities: { prepareSite: ({ site }) => ({ kind: 'failed', why: `${site} has no disk` }) },
    });
    expect(await study.result()).toMatchObject({
      state: 'failed',
      reason: 'the preparation of a failed: a has no disk\nthe preparation of b failed: b has no disk',
    });
    expect(study.mocks.callsOf('propose')).toEqual([]);
  });

  test('repeats a preparation that was lost as often as a trial, each time as another asker', async () => {
    const study = await workflows.study({
      spec: prepare,
      trial: { retries: 1 },
      activities: { prepareSite: () => ({ kind: 'lost', why: 'its host is gone' }) },
    });
    expect(await study.result()).toMatchObject({
      state: 'failed',
      reason: 'the preparation of a failed: its host is gone',
    });
    const askers = study.mocks.callsOf('prepareSite').map(([{ asker }]) => asker.split('.').at(-1));
    expect(askers).toEqual(['0', '1']);
  });

  test('follows a preparation on the host where it is under way', async () => {
    const study = await workflows.study({
      spec: prepare,
      budget: { trials: 1 },
      activities: {
        prepareSite: ({ host }) => (host === null ? { kind: 'begun', host: 'host1' } : { kind: 'prepared' }),
      },
    });
    await study.result();
    const queues = study.mocks.calls.flatMap(({ activity, taskQueue }) =>
      activity === 'prepareSite' ? [taskQueue] : [],
    );
    expect(queues).toEqual(['perdure/site/a', 'perdure/site/a@host1']);
  });

  test('ends a preparation when it is stopped, and starts no trial', async () => {
    const study = await workflows.study({
      spec: prepare,
      activities: {
        prepareSite: () => study.mocks.wait(new Promise<never>(() => undefined)),
        abandonPreparation: () => undefined,
      },
    });
    await study.mocks.called('prepareSite');
    await study.handle.executeUpdate(stopStudy, { args: [{ now: false }] });
    expect(await study.result()).toMatchObject({ state: 'stopped' });
    expect(study.mocks.callsOf('abandonPreparation')).toMatchObject([[{ site: 'a' }]]);
    expect(study.mocks.callsOf('propose')).toEqual([]);
  });
});
