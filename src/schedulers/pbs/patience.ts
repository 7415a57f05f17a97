/** How long a site is given before something is taken for gone. Tests have less. */
export interface Patience {
  /** For one command of PBS, whose server may hang (seconds). */
  readonly command: number;
  /** For a connection and the start of a shell (milliseconds). */
  readonly connection: number;
  /** For a submission whose answer was lost to show up in PBS, before it is made again (seconds). */
  readonly submission: number;
  /** For what a job wrote to appear on the site's file system (milliseconds). */
  readonly files: number;
}

export const usualPatience: Patience = { command: 60, connection: 45_000, submission: 60, files: 60_000 };
