/** How an attempt was lost. */
export interface Loss {
  readonly cause?: 'site' | 'walltime' | 'block';
  readonly checkpoint?: boolean;
}

/** How often a lost attempt is repeated, and how often one goes on that left a checkpoint at its walltime (absent: never). */
export interface AllowedLosses {
  readonly retries: number;
  readonly maxResumes?: number;
}

/** What was counted so far. */
export interface LossCounts {
  readonly retries: number;
  readonly resumes: number;
  readonly blocks: number;
  /** Of these blocks, those whose end left no checkpoint. */
  readonly blocksInVain?: number;
}

/** A trial that every block ends before it is done would go on for ever: sooner where each attempt begins anew. */
const mostBlocks = 50;
const mostBlocksInVain = 10;

/**
 * Counts the lost attempts of a trial. An end at the walltime with a checkpoint counts as a resumption where the trial may
 * resume, the end of a shared block as neither that nor a retry, and anything else as a retry. Blocks that end a trial without a checkpoint do so
 * a few times only.
 */
export class Losses {
  private retries: number;
  private resumes: number;
  private blocks: number;
  private blocksInVain: number;

  /** @param from what was counted before */
  constructor(
    private readonly allowed: AllowedLosses,
    { retries, resumes, blocks, blocksInVain = 0 }: LossCounts = { retries: 0, resumes: 0, blocks: 0 },
  ) {
    this.retries = retries;
    this.resumes = resumes;
    this.blocks = blocks;
    this.blocksInVain = blocksInVain;
  }

  get counts(): LossCounts {
    const { retries, resumes, blocks, blocksInVain } = this;
    return { retries, resumes, blocks, blocksInVain };
  }

  /** Counts one more. @returns whether another attempt may be made */
  allow({ cause, checkpoint }: Loss): boolean {
    const { maxResumes = 0 } = this.allowed;
    if (cause === 'block') {
      this.blocks += 1;
      if (checkpoint !== true) this.blocksInVain += 1;
      return this.blocks <= mostBlocks && this.blocksInVain <= mostBlocksInVain;
    }
    if (cause === 'walltime' && checkpoint === true && this.resumes < maxResumes) {
      this.resumes += 1;
      return true;
    }
    this.retries += 1;
    return this.retries <= this.allowed.retries;
  }
}
