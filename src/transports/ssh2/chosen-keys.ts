import {
  BaseAgent,
  type OpenSSHAgent,
  type ParsedKey,
  type SignCallback,
  type SigningRequestOptions,
} from 'ssh2';

/** sshd ends a connection at its sixth failure (MaxAuthTries), and each key that it refuses is one. */
const mostKeys = 4;
/** An agent on this machine answers at once, or is stuck. */
const patienceMs = 5000;

/** Those keys of an agent that are of interest. */
export class ChosenKeys extends BaseAgent<ParsedKey> {
  constructor(
    private readonly agent: OpenSSHAgent,
    private readonly chosen: (key: ParsedKey) => boolean,
  ) {
    super();
  }

  override getIdentities(callback: (error: Error | null | undefined, keys?: ParsedKey[]) => void): void {
    this.agent.getIdentities((error, keys) => {
      // An agent's protocol gives bare keys; the library's type allows for entries of an agent of one's own.
      const bare = keys?.filter((key) => 'getPublicSSH' in key);
      callback(error, bare?.filter(this.chosen).slice(0, mostKeys));
    });
  }

  override sign(
    key: ParsedKey,
    data: Buffer,
    options: SigningRequestOptions | SignCallback,
    callback?: SignCallback,
  ): void {
    if (typeof options === 'function') this.agent.sign(key, data, options);
    else this.agent.sign(key, data, options, callback);
  }

  /** `true` where the agent answers and has one of them. */
  async any(): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        resolve(false);
      }, patienceMs);
      this.getIdentities((error, keys = []) => {
        clearTimeout(timer);
        resolve(!(error instanceof Error) && keys.length > 0);
      });
    });
  }
}
