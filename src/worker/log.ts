import { pino, type DestinationStream, type Logger } from 'pino';
import { handleErrors } from '../process/handle-errors';
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

/** How many bytes of log lines are kept in memory while the disk is full; further lines are dropped. */
const maxWaitingBytes = 1_000_000;

/**
 * Writes log lines to an open file. Errors are ignored: lines that can't be written are kept in memory, up to a megabyte, and written
 * later.
 */
export function logFile(descriptor: number): DestinationStream {
  return handleErrors(pino.destination({ dest: descriptor, sync: true, maxLength: maxWaitingBytes }));
}

/** A worker's log of JSON lines. @param destination standard output unless given */
export function createLog(level: Level, destination: DestinationStream = logFile(1)): Logger {
  return pino(
    {
      level,
      base: undefined,
      timestamp: pino.stdTimeFunctions.isoTime,
      // What Temporal calls an error; as JSON it would be {}.
      serializers: { error: pino.stdSerializers.errWithCause },
    },
    destination,
  );
}
