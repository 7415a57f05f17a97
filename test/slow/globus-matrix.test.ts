import {
  cells,
  liveThrough,
  printed,
  type GlobusCell,
  type MatrixFault,
} from '../support/globus/globus-matrix';
import { brokerAvailable } from '../support/globus/broker';

const name = (text: string): string =>
  brokerAvailable() ? text : `skipped: needs rabbitmq-server (${text})`;
const testWithBroker = brokerAvailable() ? test : test.skip;

/** Cells at once: most of their time they wait. */
const lanes = 4;
/** Answered like another one that is lived through; `npm run bench:globus-faults` has them all. */
const alike: readonly MatrixFault[] = ['403 consent', '404', '413', '502', '503', '504', 'slow'];

testWithBroker(
  name('no fault of the service loses, doubles or betrays anything, whichever request it strikes'),
  async () => {
    const open = cells().filter(([, fault]) => !alike.includes(fault));
    const lived: GlobusCell[] = [];
    const lane = async (): Promise<void> => {
      for (let next = open.shift(); next !== undefined; next = open.shift())
        lived.push(await liveThrough(...next));
    };
    await Promise.all(Array.from({ length: lanes }, lane));
    process.stdout.write(`${printed(lived)}\n`);
    expect(lived.filter(({ problems }) => problems.length > 0)).toEqual([]);
  },
  900_000,
);

testWithBroker(
  name('an outage that outlasts the patience of a request is told, and nothing is lost'),
  async () => {
    const cell = await liveThrough('submit', '503', 6);
    expect(cell).toMatchObject({ outcome: 'done', problems: [] });
    expect(cell.message).toContain('could not answer the submission now');
  },
);
