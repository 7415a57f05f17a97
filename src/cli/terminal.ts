import type { PerdureError } from '../study/error';

/** What the command ends with. */
export const exitCode = { done: 0, studyFailed: 1, badInput: 2, unreachable: 3 } as const;

export function exitCodeOf({ kind }: PerdureError): number {
  switch (kind) {
    case 'InvalidInput':
    case 'NotFound':
    case 'Conflict':
    case 'Corrupt':
      return exitCode.badInput;
    case 'Unavailable':
      return exitCode.unreachable;
    case 'LoginRequired':
    case 'SubmitRejected':
      return exitCode.studyFailed;
  }
}

/** For the person: standard error, so that standard output holds results only. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** A result: standard output. */
export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** JSON in which numbers that JSON has no sign for are text (`"NaN"`, `"Infinity"`). */
export function asJson(value: unknown): string {
  return JSON.stringify(
    value,
    (_key, item: unknown) => (typeof item === 'number' && !Number.isFinite(item) ? String(item) : item),
    2,
  );
}

export function printJson(value: unknown): void {
  print(asJson(value));
}
