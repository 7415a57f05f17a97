import { KilledBlocks, victims } from '../support/killed-blocks';
import { until } from '../support/installation';
import { sshdAvailable } from '../support/sshd';

const available = sshdAvailable();
let study: KilledBlocks;

(available ? test : test.skip)(
  `${available ? '' : 'skipped: needs sshd: '}worker, pilot, sshd and blocks are killed, and every trial is there once`,
  async () => {
    study = await KilledBlocks.start(40);
    for (const victim of [...victims, ...victims]) {
      const before = study.ended();
      await until('some more trials have ended', () => study.ended() > before + 1 || study.over, 90_000);
      await study.kill(victim);
    }
    expect(await study.problems()).toEqual([]);
    expect([...study.kills.keys()].toSorted()).toEqual([...victims].toSorted());
  },
  900_000,
);

afterAll(() => study.destroy());
