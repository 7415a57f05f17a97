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
}

/** A trial that every block ends before it is done would go on for ever. */
const mostBlocks = 50;

/**
 * Counts the lost attempts of a trial. An end at the walltime with a checkpoint counts as a resumption where the trial may
 * resume, the end of a shared block as neither that nor a retry, and anything else as a retry.
 */
export class Losses {
  private retries: number;
  private resumes: number;
  private blocks: number;

  /** @param from what was counted before */
  constructor(
    private readonly allowed: AllowedLosses,
    { retries, resumes, blocks }: LossCounts = { retries: 0, resumes: 0, blocks: 0 },
  ) {
    this.retries = retries;
    this.resumes = resumes;
    this.blocks = blocks;
  }

  get counts(): LossCounts {
    const { retries, resumes, blocks } = this;
    return { retries, resumes, blocks };
  }

  /** Counts one more. @returns whether another attempt may be made */
  allow({ cause, checkpoint }: Loss): boolean {
    const { maxResumes = 0 } = this.allowed;
    if (cause === 'block') {
      this.blocks += 1;
      return this.blocks <= mostBlocks;
    }
    if (cause === 'walltime' && checkpoint === true && this.resumes < maxResumes) {
      this.resumes += 1;
      return true;
    }
    this.retries += 1;
    return this.retries <= this.allowed.retries;
  }
}
