import { FaultMatrix, faults, steps, type Cell } from '../support/fault-matrix';
import { sshdAvailable } from '../support/sshd';

const available = sshdAvailable();
const title = (text: string): string => (available ? text : `skipped: needs sshd: ${text}`);
let matrix: FaultMatrix;
const cells: Cell[] = [];

beforeAll(async () => {
  if (available) matrix = await FaultMatrix.start();
});
afterAll(async () => {
  if (!available) return;
  await matrix.destroy();
  const shown = cells.map(({ fault, step, outcome, message }) => {
    const words = message === '' ? '-' : message.replace(/\s+/g, ' ').slice(0, 150);
    return `${fault.padEnd(18)} ${step.padEnd(8)} ${outcome.padEnd(8)} ${words}`;
  });
  if (process.env['PERDURE_TEST_MATRIX'] !== undefined) process.stdout.write(`${shown.join('\n')}\n`);
});

const all = faults.flatMap((fault) => steps.map((step) => [fault, step] as const));
(available ? test : test.skip).each(all)(
  title('%s at %s: nothing is lost, nothing is doubled'),
  async (fault, step) => {
    const cell = await matrix.cell(fault, step);
    cells.push(cell);
    expect(cell.problems).toEqual([]);
  },
);
