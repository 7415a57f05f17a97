/*
 * What the command line and a site tell each other of the site's upkeep. Plain data, since it crosses a socket.
 */

/** What a study of the ledger needs at its sites. */
export interface NeededStudy {
  readonly uuid: string;
  /** It has ended, and so have all its trials. */
  readonly ended: boolean;
  /** Numbers of the trials that have no end yet. */
  readonly open: readonly number[];
  /** SHA-256 of its files; none once the study has ended. */
  readonly files: readonly string[];
}

/** Kinds of things that Perdure makes at a site, and that can be in nobody's use. */
export const heapKinds = ['trials', 'blocks', 'files', 'shims', 'notes', 'leftovers'] as const;
/** `notes`: what is written down of jobs and news; `leftovers`: what an interrupted cleaning left. */
export type HeapKind = (typeof heapKinds)[number];

/** Things of one kind that nobody needs. */
export interface Heap {
  readonly kind: HeapKind;
  readonly count: number;
  /** On the disk; the parts that could be measured. */
  readonly bytes: number;
}

/** What is to be cleaned. */
export interface Cleaning {
  /** Milliseconds that a thing has not been written to. */
  readonly olderThan: number;
  readonly needed: readonly NeededStudy[];
  /** Only say what would be removed. */
  readonly dryRun: boolean;
}

/** One thing that was looked at. */
export interface SiteFinding {
  readonly what: string;
  readonly ok: boolean;
  readonly found: string;
  readonly hint?: string;
}
