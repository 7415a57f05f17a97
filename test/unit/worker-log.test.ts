import { createLog } from '../../src/worker/log';
import { temporalLogger } from '../../src/worker/temporal-log';

test("an error that Temporal's SDK tells of is in the log with its message and its stack", () => {
  const lines: string[] = [];
  const log = createLog('info', { write: (line) => lines.push(line) });
  temporalLogger(log).warn('Activity failed', { error: new TypeError('boom') });
  expect(JSON.parse(lines.join(''))).toMatchObject({
    msg: 'Activity failed',
    error: { type: 'TypeError', message: 'boom', stack: expect.stringContaining('worker-log') as string },
  });
});
