import type { Session } from '../../src/client/session';
import { HeldStudy } from '../support/held-study';
import { type Installation, until } from '../support/installation';
import { OwnWorkers } from '../support/own-workers';

/* A site of several hosts, each with slots of its own. */

let installation: Installation;
let session: Session;
let workers: OwnWorkers;

beforeAll(async () => {
  workers = await OwnWorkers.begin();
  ({ installation, session } = workers);
});
afterAll(() => workers.destroy());

test('what waits for a slot at a full host is taken by another one that has room', async () => {
  const full = await workers.start('full', 1, ['--verbose']);
  const study = await HeldStudy.start(installation, session, {
    name: 'waits',
    budget: { trials: 5, parallel: 5 },
  });
  await until('one trial runs and the others wait', async () => {
    const started = [0, 1, 2, 3, 4].filter((number) => study.started(number));
    return started.length === 1 && (await study.handle.status()).trials.running === 5;
  });
  // They have been handed to the full host, which is asked about each at once.
  await until('the full host has been asked about them', () => full.logged.includes('no slot is free'));
  await workers.start('roomy', 4);
  await study.untilStarted(0, 1, 2, 3, 4);
  study.release('all');
  expect(await study.handle.result()).toMatchObject({ state: 'complete', trials: { complete: 5 } });
  for (const { userAttrs } of await study.handle.trials()) expect(userAttrs).toMatchObject({ attempts: 1 });
});
