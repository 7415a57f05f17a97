import { createHash } from 'node:crypto';
import { plainLines } from '../study/plain-text';
import type { Preparation, TrialSpec } from '../study/spec';
import type { JobEnd, AttemptState, LossCause } from './scheduler';

/** All that a site needs to prepare itself for a study. */
export interface PreparationRequest {
  readonly preparation: Preparation;
  readonly trial: Pick<TrialSpec, 'files' | 'env'>;
  /** Names of environment variables that hold secrets of the study; a preparation does not get them. */
  readonly secrets?: readonly string[];
  /** Bytes of a staged file by its hash. */
  readonly readFile: (sha256: string) => Promise<Uint8Array>;
  /**
   * Who waits for it; letters, digits, `-` and `.`. A preparation that failed is made anew for an asker that had not waited
   * for it, and for no other.
   */
  readonly asker: string;
}

/** How far a preparation has come. */
export type PreparationProgress =
  | { readonly state: 'done' }
  /** It waits or runs; `again`: when to look next (milliseconds). */
  | { readonly state: 'open'; readonly note: string; readonly again: number }
  /** By itself, so that the same would fail again: exit status, time used up. `why` ends with the last lines of its output. */
  | { readonly state: 'failed'; readonly why: string }
  /** It is gone, through no fault of its own. */
  | { readonly state: 'lost'; readonly why: string };

/** What a preparation is kept under: equal for all that would do the same at a site. 16 hexadecimal digits. */
export function preparationHash(
  { preparation, trial }: Pick<PreparationRequest, 'preparation' | 'trial'>,
  /** The site's own set-up, which runs before it. */
  workerInit: string,
): string {
  const { script, in: where } = preparation;
  const files = trial.files.map(({ path, sha256, executable }) => [path, sha256, executable]).sort(byText);
  const env = Object.entries(trial.env).sort(byText);
  return createHash('sha256')
    .update(JSON.stringify([script, where, files, env, workerInit]))
    .digest('hex')
    .slice(0, 16);
}

/** A preparation's directory below a site's working directory; `PERDURE_PREPARED_DIR` names it. */
export function preparedPath(hash: string): string {
  return `prepared/${hash}`;
}

/** A job that prepares, as far as it has come. */
export type PreparationVerdict =
  | { readonly kind: 'open'; readonly note: string; readonly startedAt: Date | null }
  | { readonly kind: 'done' }
  | { readonly kind: 'failed' | 'lost'; readonly why: string };

/** What a job's state means for the preparation that it is. */
export function judgePreparation(seen: Exclude<AttemptState, { state: 'unknown' }>): PreparationVerdict {
  switch (seen.state) {
    case 'waiting':
      return {
        kind: 'open',
        note: seen.note === undefined ? 'it waits' : `it waits: ${seen.note}`,
        startedAt: null,
      };
    case 'running':
      return { kind: 'open', note: 'it runs', startedAt: seen.startedAt };
    case 'ended':
      return judgeEnd(seen.end);
    case 'lost':
      return { kind: lossKind(seen.cause), why: seen.why };
  }
}

function judgeEnd(end: JobEnd): PreparationVerdict {
  switch (end.how) {
    case 'exited':
      if (end.status === 0) return { kind: 'done' };
      return { kind: 'failed', why: `it ended with exit status ${String(end.status)}` };
    case 'signalled':
      return { kind: 'lost', why: `it was ended by ${end.signal}` };
    case 'stopped':
      if (end.reason === 'timeout') return { kind: 'failed', why: 'it was ended at its timeout' };
      return { kind: 'lost', why: end.why ?? 'it was stopped by a person' };
  }
}

/** The same walltime would end it again. */
function lossKind(cause: LossCause | undefined): 'failed' | 'lost' {
  return cause === 'walltime' ? 'failed' : 'lost';
}

/** Lines of output that a message shows; all of it stays in the log. */
const shownLines = 12;
const shownCharacters = 2000;

/** Why a preparation failed, with the last lines of its output, for a person. */
export function failureText(why: string, log: string, tail: string): string {
  const lines = plainLines(tail).trimEnd().split('\n').slice(-shownLines);
  const shown = lines.join('\n').slice(-shownCharacters).split('\n');
  if (tail.trim() === '') return `${why}; it printed nothing (${log})`;
  return [`${why}; the last lines of ${log}:`, ...shown.map((line) => `    ${line}`)].join('\n');
}

function byText(a: readonly unknown[], b: readonly unknown[]): number {
  return String(a[0]) < String(b[0]) ? -1 : 1;
}
