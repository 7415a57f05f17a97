/** A PBS site, as its scheduler needs it. `null`: not said, so PBS' own default holds. */
export interface PbsSite {
  /** Its name in the settings. */
  readonly site: string;
  /** Absolute, at the site; any characters but a line break and a zero byte. */
  readonly workingDir: string;
  readonly account: string | null;
  readonly queue: string | null;
  readonly select: string | null;
  readonly filesystems: string | null;
  /** Seconds. */
  readonly walltime: number | null;
  readonly directives: readonly string[];
  readonly workerInit: string;
  /** Milliseconds between two listings. */
  readonly pollInterval: number;
  /** Jobs queued or running at once. */
  readonly maxJobs: number | null;
  readonly blocks: Blocks | null;
  /** Directory of qsub. */
  readonly pbsBin: string | null;
}

/** Jobs that run many trials each. */
export interface Blocks {
  readonly slotsPerNode: number;
  readonly minBlocks: number;
  readonly maxBlocks: number;
  /** Milliseconds. */
  readonly idleTimeout: number;
  readonly pin: 'none' | 'cores' | 'cuda' | 'aurora_tiles';
}
