import { parseArgs } from 'node:util';
import { loadSettings } from '../config';
import { handleOutputErrors } from '../process/handle-errors';
import { PerdureError } from '../study/error';
import { levelOf } from './log';
import { runWorker } from './run-worker';

/** The worker as a process of its own: `node dist/worker/main.js [--config FILE] [--verbose]`. Ends on SIGTERM and SIGINT. */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      config: { type: 'string' },
      verbose: { type: 'boolean', default: false },
      'health-port': { type: 'string' },
      'metrics-port': { type: 'string' },
      bind: { type: 'string' },
    },
  });
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      stop.abort();
    });
  }
  await runWorker({
    settings: await loadSettings({ config: values.config }),
    level: levelOf(process.env) ?? (values.verbose ? 'debug' : 'info'),
    healthPort: portOf('--health-port', values['health-port']),
    metricsPort: portOf('--metrics-port', values['metrics-port']),
    bind: values.bind,
    stop: stop.signal,
  });
}

function portOf(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const port = Number(text);
  if (Number.isInteger(port) && port > 0 && port < 65536) return port;
  throw new PerdureError('InvalidInput', `'${text}' is not a port`, { where: option });
}

handleOutputErrors();
main().then(
  () => process.exit(0),
  (error: unknown) => {
    const known = error instanceof PerdureError;
    process.stderr.write(`${known ? error.text : String(error instanceof Error ? error.stack : error)}\n`);
    process.exit(known && error.kind === 'InvalidInput' ? 2 : 3);
  },
);
