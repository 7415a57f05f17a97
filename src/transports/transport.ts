/**
 * A way to a site's login node: runs commands there and moves files. It knows nothing of schedulers.
 *
 * Errors: {@link PerdureError} of kind `Unavailable` (no answer in time, connection lost: what was asked may have been done
 * or not) or `LoginRequired` (a person has to log in; nothing was done). A command that ran and failed is no error: its
 * status says so.
 */
export interface Transport {
  /** For messages: `me@aurora.alcf.anl.gov`, `this machine`. */
  readonly description: string;
  /**
   * Runs a command by the user's login shell, whichever that is; so it is best one word or two, `/bin/sh -s`, with the rest
   * in the input. Never retried: whoever asks knows whether it may run twice.
   */
  run(command: string, options: RunOptions): Promise<RunResult>;
  /**
   * Runs a command that goes on, and hands over its output line by line as it comes. Resolves when the command has ended,
   * or the signal aborted, which ends it there as well (its standard input is closed, and it is signalled where that is possible).
   */
  stream(command: string, options: StreamOptions): Promise<void>;
  /** Writes a file, whole or not at all: to a temporary name beside it, then by rename. Its directory has to exist. */
  put(path: string, bytes: Uint8Array, options: PutOptions): Promise<void>;
  /** Reads at most `maxBytes` of a file from a position on. @returns `null` where there is no such file */
  get(path: string, options: GetOptions): Promise<Uint8Array | null>;
  /** Names in a directory, without `.` and `..`, sorted by code unit. @returns `null` where there is no such directory */
  list(path: string, options: DeadlineOption): Promise<readonly string[] | null>;
  /** Ends the connection, if it is this project's own. Running commands fail with `Unavailable`. */
  close(): Promise<void>;
}

export interface DeadlineOption {
  /** Milliseconds for the whole of it, the time to connect included; past it `Unavailable` is thrown. */
  readonly timeoutMs: number;
}

export interface RunOptions extends DeadlineOption {
  /** Standard input; without it, the command finds it empty. */
  readonly input?: string | Uint8Array;
  /** More standard output than this ends the command with `Unavailable`. Default: 64 MiB. */
  readonly maxBytes?: number;
}

export interface RunResult {
  /** Exit status; 128 and the number of the signal that ended it. */
  readonly status: number;
  readonly stdout: Uint8Array;
  /** Its last 64 KiB. */
  readonly stderr: string;
}

export interface StreamOptions {
  readonly input?: string;
  readonly signal: AbortSignal;
  readonly onLine: (line: string) => void;
}

export interface PutOptions extends DeadlineOption {
  /** File mode; 0o600 unless given. */
  readonly mode?: number;
}

export interface GetOptions extends DeadlineOption {
  /** First byte; 0 unless given. */
  readonly from?: number;
  readonly maxBytes: number;
}

/** Asks a person; every answer is a secret. `null`: the person gave up. */
export type Ask = (questions: Questions) => Promise<readonly string[] | null>;

/** What a server wants to know from a person, in its own words. */
export interface Questions {
  /** `me@host`, or a key's file. */
  readonly about: string;
  readonly instructions: string;
  readonly prompts: readonly { readonly text: string; readonly echo: boolean }[];
}

/** A transport whose connection may need a person. */
export interface InteractiveTransport extends Transport {
  /** `null`: nobody is needed now; else what to do, in words. */
  readonly loginRequired: string | null;
  /**
   * Connects with a person's help: one attempt to authenticate. Resolves when the site can be used.
   * @throws {@link PerdureError} `LoginRequired` where the server did not accept it, `Unavailable` where it could not be reached
   */
  login(ask: Ask): Promise<void>;
}
