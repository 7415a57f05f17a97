/** How an attempt was lost. */
export interface Loss {
  readonly cause?: 'site' | 'walltime' | 'block';
  readonly checkpoint?: boolean;
}

/** A trial that every block ends before it is done would go on for ever. */
const mostBlocks = 50;

/**
 * Counts the lost attempts of a trial. An end at the walltime with a checkpoint counts as a resumption where the trial may
 * resume, the end of a shared block as neither that nor a retry, and anything else as a retry.
 */
export class Losses {
  private retries = 0;
  private resumes = 0;
  private blocks = 0;

  constructor(private readonly allowed: { readonly retries: number; readonly maxResumes?: number }) {}

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
