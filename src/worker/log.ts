import { pino, type DestinationStream, type Logger } from 'pino';
import { PerdureError } from '../study/error';

/** Levels that `PERDURE_LOG` takes. */
export const logLevels = ['trace', 'debug', 'info', 'warn', 'error'] as const;
export type Level = (typeof logLevels)[number];

/** What `PERDURE_LOG` says; `null`: nothing. @throws {@link PerdureError} `InvalidInput` for another word */
export function levelOf({ PERDURE_LOG: asked }: NodeJS.ProcessEnv): Level | null {
  if (asked === undefined || asked === '') return null;
  const level = logLevels.find((one) => one === asked);
  if (level !== undefined) return level;
  throw new PerdureError('InvalidInput', `'${asked}' is not a log level`, {
    where: 'PERDURE_LOG',
    hint: `one of ${logLevels.join(', ')}`,
  });
}

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
