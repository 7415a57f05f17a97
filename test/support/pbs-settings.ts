/** A queue of the stand-in. Whatever is left out limits nothing. */
export interface PbsQueue {
  /** Takes jobs (default) or refuses them with 173. */
  readonly enabled?: boolean;
  /** Starts jobs (default) or keeps them queued. */
  readonly started?: boolean;
  /** Nodes of one job. */
  readonly maxNodes?: number;
  readonly minNodes?: number;
  readonly maxWalltimeSeconds?: number;
  readonly minWalltimeSeconds?: number;
  /** Jobs, queued or running, of everybody. */
  readonly maxJobs?: number;
  /** Jobs, queued or running, of one user. */
  readonly maxJobsPerUser?: number;
  /** Jobs of one user that are not running yet. */
  readonly maxQueuedPerUser?: number;
  readonly maxRun?: number;
  readonly maxRunPerUser?: number;
  /** A routing queue: the first of these that takes the job gets it; where none does, the job disappears. */
  readonly routesTo?: readonly string[];
  /** A routing queue that refuses with 171 what no destination takes. */
  readonly rejectsAtOnce?: boolean;
  readonly fromRouteOnly?: boolean;
  /** Who may use it. */
  readonly users?: readonly string[];
}

export interface PbsOptions {
  /** `main`: OpenPBS' main branch. `22.05`: the client of PBS Pro 2022. */
  readonly flavour?: 'main' | '22.05';
  /** The server's short name, which ends every id. */
  readonly host?: string;
  readonly nodes?: number;
  readonly cpusPerNode?: number;
  /** A chunk gets a node to itself. */
  readonly wholeNodes?: boolean;
  readonly queues?: Readonly<Record<string, PbsQueue>>;
  /** The first of the queues unless given. */
  readonly defaultQueue?: string;
  /** Between TERM and KILL. */
  readonly killDelaySeconds?: number;
  /** Between one process of a job and the next, where all are told to end. */
  readonly signalLagSeconds?: number;
  /** How much later than its walltime a job is ended; on a real system up to a quarter of a minute. */
  readonly walltimeLagSeconds?: number;
  /** How long a job is in state E. */
  readonly exitingSeconds?: number;
  /** How long a finished job is known. 0: `job_history_enable` is off, as it is in OpenPBS unless somebody sets it. */
  readonly historySeconds?: number;
  /** Refuses jobs without `-A`, as a site's hook does. */
  readonly requireAccount?: boolean;
  /** Refuses jobs without these, for instance `filesystems`. */
  readonly requireResources?: readonly string[];
  /** Where jobs start; the user's home unless given. */
  readonly home?: string;
  /** By which PBS knows whoever submits; the user's own name unless given. */
  readonly userName?: string;
  readonly firstId?: number;
  /** Users who may do what only managers may; root is none unless named. */
  readonly managers?: readonly string[];
  readonly serverResources?: readonly (readonly [string, string])[];
}

const unlimited = {
  enabled: true,
  started: true,
  maxNodes: null,
  minNodes: null,
  maxWalltimeSeconds: null,
  minWalltimeSeconds: null,
  maxJobs: null,
  maxJobsPerUser: null,
  maxQueuedPerUser: null,
  maxRun: null,
  maxRunPerUser: null,
  routesTo: [],
  rejectsAtOnce: false,
  fromRouteOnly: false,
  users: null,
};

/** What the stand-in's programs read. */
export function pbsSettings(options: PbsOptions): Readonly<Record<string, unknown>> {
  const { flavour = 'main', host = 'pbsci', nodes = 1, queues = { workq: {} } } = options;
  const names = Array.from({ length: nodes }, (_, index) => `node${String(index + 1).padStart(4, '0')}`);
  return {
    flavour,
    version: flavour === 'main' ? '23.06.06' : '22.05.11',
    host,
    domain: `${host}.test.example`,
    nodeNames: nodes === 1 ? [host] : names,
    cpusPerNode: options.cpusPerNode ?? 16,
    wholeNodes: options.wholeNodes ?? false,
    queues: Object.fromEntries(
      Object.entries(queues).map(([name, queue]) => [name, { ...unlimited, ...queue }]),
    ),
    defaultQueue: options.defaultQueue ?? Object.keys(queues)[0],
    killDelaySeconds: options.killDelaySeconds ?? 2,
    signalLagSeconds: options.signalLagSeconds ?? 0,
    walltimeLagSeconds: options.walltimeLagSeconds ?? 0,
    exitingSeconds: options.exitingSeconds ?? 0,
    historySeconds: options.historySeconds ?? 1_209_600,
    requireAccount: options.requireAccount ?? false,
    requireResources: options.requireResources ?? [],
    home: options.home ?? null,
    userName: options.userName ?? null,
    firstId: options.firstId ?? 0,
    managers: options.managers ?? [],
    serverResources: options.serverResources ?? [],
  };
}
