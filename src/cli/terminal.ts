import type { StudyStatus } from '../client/study-status';
import type { PerdureError } from '../study/error';
import type { PlacedProblem } from '../study/problem';
import { endedStates } from '../study/progress';

/** What the command ends with. */
export const exitCode = { done: 0, studyFailed: 1, badInput: 2, unreachable: 3 } as const;

export function exitCodeOf({ kind }: PerdureError): number {
  switch (kind) {
    case 'InvalidInput':
    case 'NotFound':
    case 'Conflict':
    case 'Gone':
    case 'Corrupt':
      return exitCode.badInput;
    case 'Unavailable':
      return exitCode.unreachable;
    case 'LoginRequired':
    case 'SubmitRejected':
      return exitCode.studyFailed;
  }
}

/**
 * The exit code of a command that shows a study: 1 if the study has ended and has failed or has no COMPLETE trial.
 * A study that has not ended gives 0.
 */
export function exitCodeOfStudy({ state, trials }: Pick<StudyStatus, 'state' | 'trials'>): number {
  const succeeded = !endedStates.has(state) || (state !== 'failed' && trials.complete > 0);
  return succeeded ? exitCode.done : exitCode.studyFailed;
}

/** For the person: standard error, so that standard output holds results only. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Tells what is probably wrong and does not end the command. */
export function sayWarnings(warnings: readonly PlacedProblem[]): void {
  for (const { where, message, hint } of warnings) {
    say(`warning: ${where}: ${message}`);
    if (hint !== undefined) say(`  ${hint}`);
  }
}

/** A result: standard output. */
export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/**
 * The width of a status line that is overwritten in place; `null` if that is not possible: there is no terminal, or it cannot move
 * the cursor. A terminal of unknown width counts as 80 columns wide.
 */
export function statusLineWidth(
  { isTTY, columns }: Partial<Pick<NodeJS.WriteStream, 'isTTY' | 'columns'>>,
  { TERM }: NodeJS.ProcessEnv,
): number | null {
  if (isTTY !== true || TERM === 'dumb') return null;
  return (columns === undefined || columns < 1 ? 80 : columns) - 1;
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
