/**
 * What went wrong, in terms a scientist can act on. Every layer throws this type; the activity boundary
 * translates it once into Temporal's `ApplicationFailure`, and the command line once into a message and an
 * exit code. A user never sees a stack trace for one of these.
 *
 * - `InvalidInput`: a file, option or value that a person wrote is wrong; nothing was started.
 * - `NotFound`: a study, trial or site that does not exist.
 * - `Conflict`: the request contradicts what is there already (another study of this name, a finished trial).
 * - `Unavailable`: a server, site or database does not answer now; trying again may help.
 * - `LoginRequired`: a person has to log in before work at a site goes on.
 * - `SubmitRejected`: a scheduler refused a job for good.
 * - `Gone`: a study was deleted or renamed in its ledger while its workflow runs.
 * - `Corrupt`: stored data that this version can't read.
 */
export type ErrorKind =
  | 'InvalidInput'
  | 'NotFound'
  | 'Conflict'
  | 'Unavailable'
  | 'LoginRequired'
  | 'SubmitRejected'
  | 'Gone'
  | 'Corrupt';

export interface ErrorDetails {
  /** Where it happened: a file with line and column, a site, a study, an address. */
  readonly where?: string;
  /** What to do about it, ready to type where possible. */
  readonly hint?: string;
  readonly cause?: unknown;
  /** It is certain that nothing of what was asked has been done, nor will be. */
  readonly nothingDone?: boolean;
  /** The worker is the wrong one for it: the next that is asked may be able to do it now. */
  readonly elsewhere?: boolean;
}

/** What an error says; of what is no error, what it is as text. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The code of an error of the operating system, as `ENOENT`; empty for any other error. */
export function errorCode(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
}

/** `true` for an error of the operating system that says that a disk is full or a quota is used up. */
export function isDiskFull(error: unknown): boolean {
  return ['ENOSPC', 'EDQUOT'].includes(errorCode(error));
}

/** An error of this project: what happened, where, and what to do. */
export class PerdureError extends Error {
  readonly kind: ErrorKind;
  readonly where: string | undefined;
  readonly hint: string | undefined;
  /** `false`: what was asked may have been done or not. */
  readonly nothingDone: boolean;
  /** `true`: another worker may be able to do it now. */
  readonly elsewhere: boolean;

  constructor(kind: ErrorKind, what: string, details: ErrorDetails = {}) {
    super(what, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'PerdureError';
    this.kind = kind;
    this.where = details.where;
    this.hint = details.hint;
    this.nothingDone = details.nothingDone ?? false;
    this.elsewhere = details.elsewhere ?? false;
  }

  /** The same error, where nothing of what was asked has been done. */
  static beforeAnything(error: unknown): unknown {
    if (!(error instanceof PerdureError) || error.nothingDone) return error;
    const { kind, message, where, hint, cause, elsewhere } = error;
    return new PerdureError(kind, message, { where, hint, cause, elsewhere, nothingDone: true });
  }

  /** The one message a person sees: `where: what` and, on a line of its own, what to do. */
  get text(): string {
    const first = this.where === undefined ? this.message : `${this.where}: ${this.message}`;
    return this.hint === undefined ? first : `${first}\n  ${this.hint}`;
  }
}
