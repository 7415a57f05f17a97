import type { Json } from '../study/json';
import type { Times } from './times';

/** A place where jobs run. */
export type SiteSettings = LocalSiteSettings | PbsSiteSettings | GlobusSiteSettings;

/** The machine of the worker itself. */
export interface LocalSiteSettings {
  readonly scheduler: 'local';
  /** Trials at once on one host. */
  readonly slots: number;
  /** Absolute path; each attempt gets a directory below it. */
  readonly workingDir: string;
}

/** A supercomputer with PBS. `null`: not said, so PBS's own default holds. */
export interface PbsSiteSettings {
  readonly scheduler: 'pbs';
  readonly transport: TransportSettings;
  /** Absolute path at the site, without a slash at its end. It may have spaces, quotes and `$` in it, but no line break. */
  readonly workingDir: string;
  /** These four are words that a shell takes as they are. */
  readonly account: string | null;
  readonly queue: string | null;
  readonly select: string | null;
  readonly filesystems: string | null;
  /** Seconds. Never `null` where there are blocks. */
  readonly walltime: number | null;
  /** One line each, beginning with an option; none that sets a job's name, output, rerun or array. */
  readonly directives: readonly string[];
  /** Shell text, run before each trial; may be empty. Lines end with `\n` alone. */
  readonly workerInit: string;
  /** Milliseconds, at least 1,000. */
  readonly pollInterval: number;
  /** Jobs queued or running at once; `null`: no limit. */
  readonly maxJobs: number | null;
  /** `null`: one trial, one job. */
  readonly blocks: BlockSettings | null;
  /** Absolute path at the site of the folder of `qsub`; `null`: a login shell is asked. */
  readonly pbsBin: string | null;
}

/** An endpoint of Globus Compute. */
export interface GlobusSiteSettings {
  readonly scheduler: 'globus_compute';
  /** A UUID. */
  readonly endpointId: string;
  /** The file that the endpoint was set up with, absolute and of this machine, where it is said; a run reads nothing from it. */
  readonly endpointConfigPath: string | null;
  readonly auth: GlobusAuthSettings;
  /** Without a slash at its end. */
  readonly serviceUrl: string;
  /** Milliseconds that a task may run; the trial's own timeout may be less. Queueing does not count. */
  readonly functionTimeout: number;
  /** How often one attempt is submitted again that was lost before it began, or whose worker was. */
  readonly maxRetries: number;
  /** What the endpoint's template is filled in with. */
  readonly userEndpointConfig: Readonly<Record<string, Json>>;
  /** Only engines with MPI take one. What a trial says of nodes and ranks comes before it. */
  readonly resourceSpecification: Readonly<Record<string, Json>> | null;
  /**
   * Path at the site, without a slash at its end, on a file system that all workers of the endpoint see. Absolute; or, where there
   * is no transport, `~/…`, which a task resolves.
   */
  readonly workingDir: string;
  /** Shell text, run before each trial; may be empty. Lines end with `\n` alone. */
  readonly workerInit: string;
  /** A way to the site's files besides tasks; `null`: none. */
  readonly transport: TransportSettings | null;
}

/** How to log in with Globus. */
export interface GlobusAuthSettings {
  readonly method: 'native_client' | 'confidential_client' | 'client_credentials';
  /** UUID of a registered application. `null` with native clients alone: only a login of Globus' own Python SDK can be used. */
  readonly clientId: string | null;
  /** The environment variable that holds the secret; never the secret. `null` with native clients alone. */
  readonly clientSecretEnv: string | null;
  /** Without a slash at its end. */
  readonly authUrl: string;
  /** With native clients: a login that may be there already. */
  readonly pythonLogin?: PythonLoginSettings;
  /** With native clients: a service of models that logins ask for too. */
  readonly inference?: InferenceSettings;
}

/** A service of models behind Globus Auth. */
export interface InferenceSettings {
  readonly scope: string;
  /** The session policy that a login has to satisfy; `null`: none. */
  readonly sessionPolicy: string | null;
}

/** The login of Globus' own Python SDK on this machine. */
export interface PythonLoginSettings {
  /** Its `storage.db`, absolute; it need not be there. */
  readonly file: string;
  readonly namespace: string;
  /** The application that the SDK logs in as, and that alone can renew its tokens. */
  readonly clientId: string;
}

/** How to get to a site's login node. Paths are absolute and of this machine. */
export type TransportSettings =
  | {
      readonly type: 'ssh2';
      readonly host: string;
      readonly port: number;
      readonly user: string;
      readonly identityFile?: string;
      readonly knownHosts: string;
      /** The socket of the agent; absent where there is none, or it is not wanted. */
      readonly agent?: string;
    }
  /** `%h` and the like in the path are for ssh to fill in. */
  | { readonly type: 'openssh'; readonly host: string; readonly controlPath: string }
  | { readonly type: 'local' };

/** Jobs that run many trials each. */
export interface BlockSettings {
  /** Trials at once on one node. */
  readonly slotsPerNode: number;
  /** Not more than `maxBlocks`. */
  readonly minBlocks: number;
  /** Not more than the site's `maxJobs`. */
  readonly maxBlocks: number;
  /** Milliseconds. */
  readonly idleTimeout: number;
  readonly pin: 'none' | 'cores' | 'cuda' | 'aurora_tiles';
}

/** Settings of an installation, checked and with every default filled in. */
export interface Settings {
  /** The file they came from; `null` where there is none. */
  readonly file: string | null;
  /** State directory (`PERDURE_HOME`), absolute. */
  readonly home: string;
  /** The ledger's address as Optuna writes it: `sqlite:////absolute/path.db` or `postgresql://…`. May hold a password. */
  readonly storage: string;
  /** `embedded`: the server that `perdure up` starts; `external`: as `temporal.toml` and `TEMPORAL_*` say. */
  readonly temporal:
    | { readonly kind: 'embedded' }
    | {
        readonly kind: 'external';
        readonly profile: string | undefined;
        readonly address: string | undefined;
        readonly namespace: string | undefined;
      };
  /** The environment variable with the key that encrypts what is in Temporal's histories; absent: nothing does. */
  readonly encryptionKeyEnv?: string;
  /** Names of the environment variables in `storage`; absent: none. */
  readonly storageVariables?: readonly string[];
  /** By name. `local` is always there, and is this machine. */
  readonly sites: Readonly<Record<string, SiteSettings>>;
  /** The sites of a study that names none, preferred first. */
  readonly defaultSites: readonly string[];
  readonly times: Times;
}

/**
 * Names of the environment variables that hold secrets according to these settings. The user's programs (trials, preparations,
 * samplers, proposers, commands at a site) do not get them.
 */
export function secretVariables({
  encryptionKeyEnv,
  storageVariables = [],
  sites,
}: Settings): readonly string[] {
  const logins = Object.values(sites).flatMap((site) =>
    site.scheduler === 'globus_compute' && site.auth.clientSecretEnv !== null
      ? [site.auth.clientSecretEnv]
      : [],
  );
  // The password for PostgreSQL; not part of the settings.
  const all = ['PGPASSWORD', ...storageVariables, ...logins];
  return encryptionKeyEnv === undefined ? all : [...all, encryptionKeyEnv];
}
