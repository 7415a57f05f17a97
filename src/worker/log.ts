import { pino, type Logger } from 'pino';

/** Levels that `PERDURE_LOG` takes. */
export const logLevels = ['trace', 'debug', 'info', 'warn', 'error'] as const;
export type Level = (typeof logLevels)[number];

/** The worker's log: JSON lines on standard output. */
export function createLog(level: Level): Logger {
  return pino({ level, base: undefined, timestamp: pino.stdTimeFunctions.isoTime });
}
