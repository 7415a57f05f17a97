import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  closeSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from './installation';
import { freePort } from './free-port';
import { type LoginShell, type TestUser, testUser } from './test-user';

/** What the server wants of who logs in; `either`: a passcode, by keyboard-interactive or by password. */
export type LoginMode = 'key' | 'key+passcode' | 'passcode' | 'password' | 'either';

const modes: Readonly<Record<LoginMode, readonly string[]>> = {
  key: ['UsePAM no', 'PasswordAuthentication no', 'KbdInteractiveAuthentication no'],
  'key+passcode': [
    'UsePAM yes',
    'AuthenticationMethods publickey,keyboard-interactive:pam',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication yes',
  ],
  passcode: [
    'UsePAM yes',
    'AuthenticationMethods keyboard-interactive:pam',
    'PubkeyAuthentication no',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication yes',
  ],
  password: ['UsePAM yes', 'AuthenticationMethods password', 'PasswordAuthentication yes'],
  either: [
    'UsePAM yes',
    'AuthenticationMethods keyboard-interactive:pam password',
    'PasswordAuthentication yes',
    'KbdInteractiveAuthentication yes',
  ],
};

const program = '/usr/sbin/sshd';
const secret = 'JBSWY3DPEHPK3PXPJBSWY3DPEH';
export const passphrase = 'two words';
/** Never a code: it is too short. */
export const wrongPasscode = '123';

/** `true` where a real sshd with PAM and passcodes can be had: as root, with Debian's packages. */
export function sshdAvailable(): boolean {
  const library = (name: string): boolean =>
    ['/lib', '/usr/lib'].some((lib) =>
      [lib, ...readdirSync(lib).map((entry) => join(lib, entry))].some((folder) =>
        existsSync(join(folder, 'security', name)),
      ),
    );
  return (
    process.getuid?.() === 0 &&
    [program, '/usr/bin/ssh', '/usr/bin/oathtool', '/bin/tcsh'].every((path) => existsSync(path)) &&
    library('pam_google_authenticator.so')
  );
}

/** A real sshd on loopback with a port, a folder, keys and passcodes of its own. */
export class SshServer {
  readonly host = '127.0.0.1';
  private process: ChildProcess | null = null;
  private lastPasscode = '';

  private constructor(
    readonly folder: string,
    readonly port: number,
    readonly user: TestUser,
    private readonly service: string,
  ) {}

  static async start({
    mode,
    shell = 'plain',
    self = false,
    settings = [],
  }: {
    readonly mode: LoginMode;
    readonly shell?: LoginShell;
    /** Logs in the user of the tests, for programs that nobody else can run. */
    readonly self?: boolean;
    /** More lines of sshd_config. */
    readonly settings?: readonly string[];
  }): Promise<SshServer> {
    if (!sshdAvailable()) throw new Error('skipped: needs sshd');
    const folder = mkdtempSync(join(tmpdir(), 'perdure-sshd-'));
    chmodSync(folder, 0o755);
    const { username: name, homedir: home, uid, gid } = userInfo();
    const user = self ? { name, home, uid, gid } : await testUser(shell);
    const server = new SshServer(folder, await freePort(), user, basename(folder).toLowerCase());
    server.prepare(mode, settings);
    await server.begin();
    return server;
  }

  /** What a transport has to know to get here. */
  get address(): {
    readonly host: string;
    readonly port: number;
    readonly user: string;
    readonly knownHosts: string;
  } {
    return { host: this.host, port: this.port, user: this.user.name, knownHosts: this.knownHosts };
  }

  /** A key without a passphrase that the server knows. */
  get identityFile(): string {
    return join(this.folder, 'key');
  }

  /** A key that the server knows, under {@link passphrase}. */
  get encryptedIdentityFile(): string {
    return join(this.folder, 'encrypted');
  }

  /** A key that the server does not know. */
  get strangersIdentityFile(): string {
    return join(this.folder, 'stranger');
  }

  /** A file of known hosts that knows this server. */
  get knownHosts(): string {
    return join(this.folder, 'known_hosts');
  }

  /** The same for whatever port leads here. */
  get knownHostsAnyPort(): string {
    return join(this.folder, 'known_hosts_any_port');
  }

  /** Everything that the server said, from its beginning. */
  log(): string {
    return readFileSync(join(this.folder, 'log'), 'utf8');
  }

  /** How often a passcode or password was tried, and with which result. */
  attempts(): { readonly accepted: number; readonly failed: number } {
    const count = (word: string): number =>
      [...this.log().matchAll(new RegExp(`^${word} (keyboard-interactive|password)`, 'gm'))].length;
    return { accepted: count('Accepted'), failed: count('Failed') };
  }

  /** Connections that the server has seen. */
  connections(): number {
    return [...this.log().matchAll(/^Connection from /gm)].length;
  }

  /** A right passcode that nobody has used; there is one a second. */
  async passcode(): Promise<string> {
    for (;;) {
      const code = execFileSync('oathtool', ['--totp', '-b', '-s', '1s', secret], {
        encoding: 'utf8',
      }).trim();
      if (code !== this.lastPasscode) return (this.lastPasscode = code);
      await sleep(50);
    }
  }

  /** Kills every session's sshd, as an operator or a broken node would; the commands in them live on. */
  async killSessions(): Promise<void> {
    const victims = this.sessions();
    for (const pid of victims) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It went with the one before.
      }
    }
    await until('the sessions are gone', () => this.sessions().every((pid) => !victims.includes(pid)));
  }

  /** Ends the server and its sessions; {@link begin} starts it again, on the same port and with the same host key. */
  async end(): Promise<void> {
    const { process: running } = this;
    this.process = null;
    if (running?.exitCode !== null) return;
    const sessions = this.sessions(running.pid);
    running.kill('SIGKILL');
    await once(running, 'close');
    for (const pid of sessions)
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It went with the server.
      }
  }

  async begin(): Promise<void> {
    const log = openSync(join(this.folder, 'log'), 'a');
    const before = this.log().length;
    // Its name chooses the PAM service, which PAM reads in small letters.
    const path = join(this.folder, this.service);
    this.process = spawn(path, ['-D', '-e', '-f', join(this.folder, 'config')], {
      stdio: ['ignore', 'ignore', log],
    });
    closeSync(log);
    await until('sshd listens', () => {
      if (this.process?.exitCode != null) throw new Error(`sshd ended:\n${this.log()}`);
      // Not by a connection, which the tests would count.
      return this.log().includes('Server listening', before);
    });
  }

  async destroy(): Promise<void> {
    await this.end();
    rmSync(join('/etc/pam.d', this.service), { force: true });
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** An agent of the test's own with this key. */
  async agent(key: string): Promise<{ readonly socket: string; stop(): Promise<void> }> {
    const socket = join(this.folder, `agent-${String(process.hrtime.bigint())}`);
    const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' });
    await until('the agent listens', () => existsSync(socket));
    const env = {
      ...process.env,
      SSH_AUTH_SOCK: socket,
      SSH_ASKPASS: this.askpass(),
      SSH_ASKPASS_REQUIRE: 'force',
    };
    execFileSync('ssh-add', [key], { env, stdio: 'ignore' });
    return {
      socket,
      async stop() {
        agent.kill();
        if (agent.exitCode === null && agent.signalCode === null) await once(agent, 'close');
      },
    };
  }

  private askpass(): string {
    const path = join(this.folder, 'askpass');
    writeFileSync(path, `#!/bin/sh\necho '${passphrase}'\n`, { mode: 0o700 });
    return path;
  }

  private prepare(mode: LoginMode, more: readonly string[]): void {
    const at = (name: string): string => join(this.folder, name);
    const key = (name: string, type: string, phrase = ''): void => {
      execFileSync('ssh-keygen', ['-q', '-t', type, '-N', phrase, '-f', at(name)]);
    };
    for (const type of ['ed25519', 'rsa']) key(`host_${type}`, type);
    key('key', 'ed25519');
    key('encrypted', 'ed25519', passphrase);
    key('stranger', 'ed25519');
    const read = (name: string): string => readFileSync(at(name), 'utf8');
    writeFileSync(at('authorized_keys'), read('key.pub') + read('encrypted.pub'));
    writeFileSync(at('known_hosts'), `[${this.host}]:${String(this.port)} ${read('host_ed25519.pub')}`);
    writeFileSync(this.knownHostsAnyPort, `${this.host} ${read('host_ed25519.pub')}`);
    // The PAM module writes beside the secret, as the user, which codes were used.
    mkdirSync(at('otp'));
    const lines = [secret, '" TOTP_AUTH', '" DISALLOW_REUSE', '" STEP_SIZE 1', '" WINDOW_SIZE 60'];
    writeFileSync(at('otp/secret'), `${lines.join('\n')}\n`, { mode: 0o400 });
    for (const path of [at('otp'), at('otp/secret')]) chownSync(path, this.user.uid, this.user.gid);
    const pam = [
      `auth required pam_google_authenticator.so secret=${at('otp/secret')}`,
      'account required pam_permit.so',
      'session required pam_permit.so',
    ];
    writeFileSync(join('/etc/pam.d', this.service), `${pam.join('\n')}\n`);
    symlinkSync(program, at(this.service));
    // sshd wants it; a service of the machine's would make it.
    mkdirSync('/run/sshd', { recursive: true });
    const settings = [
      `Port ${String(this.port)}`,
      `ListenAddress ${this.host}`,
      `HostKey ${at('host_ed25519')}`,
      `HostKey ${at('host_rsa')}`,
      `PidFile ${at('pid')}`,
      `AuthorizedKeysFile ${at('authorized_keys')}`,
      'StrictModes no',
      'PrintMotd no',
      'LogLevel VERBOSE',
      'MaxStartups 100',
      `AllowUsers ${this.user.name}`,
      // The login files of whoever runs the tests may do anything.
      ...(this.user.uid === userInfo().uid ? [`SetEnv HOME=${this.folder}`] : []),
      ...modes[mode],
      ...more,
    ];
    writeFileSync(at('config'), `${settings.join('\n')}\n`);
  }

  /** Processes of sshd below the one that listens. */
  private sessions(listener = this.process?.pid): readonly number[] {
    const parents = new Map<number, number>();
    for (const name of readdirSync('/proc').filter((each) => /^\d+$/.test(each))) {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'latin1');
        const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        if (state !== 'Z' && readlinkSync(`/proc/${name}/exe`) === program)
          parents.set(Number(name), Number(parent));
      } catch {
        // It ended while it was looked at.
      }
    }
    const below = (pid: number): boolean => {
      const parent = parents.get(pid);
      return parent !== undefined && (parent === listener || below(parent));
    };
    return [...parents.keys()].filter(below);
  }
}
