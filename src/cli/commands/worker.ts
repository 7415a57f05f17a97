import { type Command, Option } from 'commander';
import { logLevels, type Level } from '../../worker/log';
import { port } from '../arguments';
import { settingsOf } from '../with-session';

/** How long a worker that could not start may take to print the error (milliseconds). */
const exitTimeoutMs = 1000;

interface Options {
  readonly healthPort?: number;
  readonly metricsPort?: number;
  readonly bind?: string;
  readonly verbose?: boolean;
  readonly logLevel?: Level;
}

export function addWorker(root: Command): void {
  root
    .command('worker')
    .description('run a worker in the foreground, until SIGTERM or Ctrl-C; running jobs go on without it')
    .option('--health-port <port>', 'answer GET /health there', port)
    .option('--metrics-port <port>', 'answer GET /metrics there, for Prometheus', port)
    .option('--bind <address>', 'address of both ports', '127.0.0.1')
    .addOption(new Option('--log-level <level>').choices(logLevels).env('PERDURE_LOG'))
    .action(async (_options: Options, command: Command) => {
      const options = command.optsWithGlobals<Options>();
      const stop = new AbortController();
      for (const signal of ['SIGTERM', 'SIGINT'] as const)
        process.once(signal, () => {
          stop.abort();
        });
      // Temporal's native core takes half a second to load, which no other command needs.
      const { runWorker } = await import('../../worker/run-worker.js');
      await runWorker({
        settings: await settingsOf(command),
        level: options.logLevel ?? (options.verbose === true ? 'debug' : 'info'),
        healthPort: options.healthPort,
        metricsPort: options.metricsPort,
        bind: options.bind,
        stop: stop.signal,
      }).catch((error: unknown) => {
        // Parts of Temporal's native core that were created before the failure would keep the process alive.
        setTimeout(() => process.exit(), exitTimeoutMs).unref();
        throw error;
      });
    });
}
