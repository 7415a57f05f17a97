import { DefaultLogger, type LogLevel, type Logger as TemporalLogger } from '@temporalio/worker';
import { pino, type Logger } from 'pino';

/** Levels that `PERDURE_LOG` takes. */
export const logLevels = ['trace', 'debug', 'info', 'warn', 'error'] as const;
export type Level = (typeof logLevels)[number];

/** The worker's log: JSON lines on standard output. */
export function createLog(level: Level): Logger {
  return pino({ level, base: undefined, timestamp: pino.stdTimeFunctions.isoTime });
}

const byTemporal: Readonly<Record<LogLevel, Level>> = {
  TRACE: 'trace',
  DEBUG: 'debug',
  INFO: 'info',
  WARN: 'warn',
  ERROR: 'error',
};

/** Temporal's own messages go to the same log. */
export function temporalLogger(log: Logger): TemporalLogger {
  return new DefaultLogger('TRACE', ({ level, message, meta }) => {
    log[byTemporal[level]](meta ?? {}, message);
  });
}
