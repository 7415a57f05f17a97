export interface Ssh2Options {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly identityFile?: string | undefined;
  /** The socket of an ssh agent, as in `SSH_AUTH_SOCK`. */
  readonly agent?: string | undefined;
  /** OpenSSH's file of known hosts; absolute. */
  readonly knownHosts: string;
  /** Commands at once. Default 8: sshd allows 10 (MaxSessions). */
  readonly maxChannels?: number;
  /** A connection without an answer to three of these is dead. Default 30. */
  readonly keepaliveSeconds?: number;
  /** For each step of making a connection. Default 20 s. */
  readonly connectTimeoutMs?: number;
}
