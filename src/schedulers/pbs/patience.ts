import { usualShellPatience, type ShellPatience } from '../remote/site-shell';

/** How long a site is given before something is taken for gone. Tests have less. */
export interface Patience extends ShellPatience {
  /** For a submission whose answer was lost to show up in PBS, before it is made again (seconds). */
  readonly submission: number;
  /** For what a job wrote to appear on the site's file system (milliseconds). */
  readonly files: number;
}

export const usualPatience: Patience = { ...usualShellPatience, submission: 60, files: 60_000 };
