import { brokerAvailable } from '../support/globus/broker';
import { KilledGlobus, victims } from '../support/globus/killed-globus';
import { globusSdkAvailable } from '../support/globus/python';
import { until } from '../support/installation';

/* The short form of `npm run bench:globus-kills`: each victim once. */

const available = globusSdkAvailable() && brokerAvailable();
let study: KilledGlobus | undefined;

(available ? test : test.skip)(
  `${available ? '' : 'skipped: needs globus-compute-endpoint and rabbitmq-server: '}worker, user endpoint, manager and broker are killed, and every trial is there once, with the reason where it went elsewhere`,
  async () => {
    // Whether a trial has to go elsewhere depends on when the endpoint is known to be gone; each that does has to say why.
    const killed = (study = await KilledGlobus.start(48, { engine: 'ProcessPoolEngine' }));
    for (const victim of victims) {
      const before = killed.ended();
      // Tasks that were lost without a word are found minutes later, and those of a user endpoint that never came up as well.
      await until('one more trial has ended', () => killed.ended() > before || killed.over, 400_000);
      await until(`a ${victim} is there to be killed`, () => killed.kill(victim));
    }
    expect(await killed.problems(400_000)).toEqual([]);
    expect([...killed.kills.keys()].toSorted()).toEqual(victims.toSorted());
  },
  900_000,
);

afterAll(() => study?.destroy());
