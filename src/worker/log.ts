import { pino, type DestinationStream, type Logger } from 'pino';

/** Levels that `PERDURE_LOG` takes. */
export const logLevels = ['trace', 'debug', 'info', 'warn', 'error'] as const;
export type Level = (typeof logLevels)[number];

/** The worker's log: JSON lines on standard output, or wherever it is told. */
export function createLog(level: Level, destination?: DestinationStream): Logger {
  const options = {
    level,
    base: undefined,
    timestamp: pino.stdTimeFunctions.isoTime,
    // What Temporal calls an error; as JSON it would be {}.
    serializers: { error: pino.stdSerializers.errWithCause },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}
