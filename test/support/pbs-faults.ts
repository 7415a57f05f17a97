/** Programs in the stand-in's `bin`. */
export const pbsCommandNames = [
  'qsub',
  'qstat',
  'qdel',
  'qselect',
  'qhold',
  'qrls',
  'qsig',
  'qrerun',
  'pbsdsh',
] as const;

export type PbsCommandName = (typeof pbsCommandNames)[number];

/**
 * What goes wrong. `times`: for the next so many commands that it fits, else until {@link PbsStandIn.clearFaults};
 * `command`: for that command alone.
 */
export type PbsFault = { readonly command?: PbsCommandName; readonly times?: number } & (
  | { readonly kind: 'down' | 'hang' }
  | { readonly kind: 'slow'; readonly seconds: number }
  /** A refusal of the test's own. */
  | { readonly kind: 'reject'; readonly rc: number; readonly message: string }
  /** qsub enqueues the job and does not tell: it blocks, or ends with 183. */
  | { readonly kind: 'lost-reply'; readonly end?: 'hang' | 'error' }
  /** qsub gives an id, and nobody knows that job afterwards. */
  | { readonly kind: 'vanish' }
  /** The job is held after too many failed starts. */
  | { readonly kind: 'hold' }
  /** qstat's output ends after this part of it (0 to 1; default a half). */
  | { readonly kind: 'truncate'; readonly part?: number }
  | { readonly kind: 'one-id' | 'invalid-json' }
  /** qstat names the server by its full name, and qsub did not. */
  | { readonly kind: 'long-ids' }
  /** Jobs that run are said to be at another server, and those that have ended to have ended there. */
  | { readonly kind: 'moved' }
  /** What a site's hooks and wrappers print around the answer of qsub or qstat. */
  | { readonly kind: 'chatter'; readonly before: string; readonly after?: string }
);
