import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { PerdureError } from '../../study/error';
import { quote } from '../../transports/quote';
import type { RunResult, Transport } from '../../transports/transport';
import { lineOf, readAnswers, textOf, type Answer } from './site-answer';

/** One call of a function in `trial/pbs_site.sh`: its lines, made with the number that its answer will bear. */
export interface Call {
  readonly lines: (number: string) => string;
  /** Milliseconds that it may take, without the commands of PBS. */
  readonly timeoutMs: number;
  /** Commands of PBS that it may run; none unless given. */
  readonly commands?: number;
  /** It counts what is there before it adds to it: no other request with such calls is under way meanwhile. */
  readonly counts?: boolean;
}

/** How long a site is given to answer. */
export interface ShellPatience {
  /** For one command of PBS, whose server may hang (seconds). */
  readonly command: number;
  /** For a connection and the start of a shell (milliseconds). */
  readonly connection: number;
}

export const usualShellPatience: ShellPatience = { command: 60, connection: 45_000 };

/** Requests under way at once; those that come meanwhile are gathered into the next one. */
const atOnce = 3;
/**
 * How long a request may take after its connection, however many calls it gathers (milliseconds): if the site's file system hangs, none
 * of them ends. The site still carries out what was sent, and each call can be repeated.
 */
const longestRequest = 10 * 60_000;
/** Calls in one request, and bytes of them. */
const mostCalls = 200;
const mostBytes = 2 ** 20;

const functions = readFileSync(resolve(__dirname, '..', '..', '..', 'trial', 'pbs_site.sh'), 'utf8');

interface Waiting {
  readonly call: Call;
  /** Bytes of it, about. */
  readonly bytes: number;
  readonly done: (answer: Answer) => void;
  readonly failed: (error: unknown) => void;
}

/**
 * Calls functions at a site's login node. Calls made at the same moment share one remote command. A call that failed as
 * `Unavailable` may have been carried out or not; every function may be called again.
 */
export class SiteShell {
  private waiting: Waiting[] = [];
  private underWay = 0;
  /** A request is under way with calls that count. */
  private counting = false;
  private bin: string | null;
  private finding: Promise<string> | undefined;
  private scheduled = false;

  constructor(
    private readonly transport: Transport,
    private readonly site: {
      readonly name: string;
      readonly workingDir: string;
      readonly pbsBin: string | null;
    },
    private readonly patience: ShellPatience = usualShellPatience,
  ) {
    this.bin = site.pbsBin;
  }

  /** @throws {@link PerdureError} `Unavailable`, `LoginRequired` */
  async call(call: Call): Promise<Answer> {
    // A call that can't be made is known before it is gathered with others.
    const bytes = call.lines('000').length;
    if (this.bin === null) await this.findPbs();
    return new Promise<Answer>((done, failed) => {
      this.waiting.push({ call, bytes, done, failed });
      this.schedule();
    });
  }

  /**
   * A call that fails where the site itself could not do it.
   * @throws {@link PerdureError} `Unavailable`, `LoginRequired`
   */
  async ask(call: Call): Promise<Answer> {
    const answer = await this.call(call);
    const failed = failureIn(answer);
    if (failed === undefined) return answer;
    throw new PerdureError('Unavailable', failed, { where: `site ${this.site.name}` });
  }

  /** Makes all these calls by one remote command, however many they are. */
  async callAll(calls: readonly Call[]): Promise<readonly Answer[]> {
    const bin = this.bin ?? (await this.findPbs());
    const all = calls.reduce((sum, call) => sum + this.timeOf(call), 0);
    const timeoutMs = this.patience.connection + Math.min(all, longestRequest);
    const answers = await this.send(calls.map((call, i) => call.lines(String(i))).join('\n'), bin, timeoutMs);
    return calls.map((_, i) => answers.get(String(i)) ?? { lines: [], data: new Map() });
  }

  /** Calls made in the same turn of the event loop, and a few milliseconds after, go together. */
  private schedule(): void {
    if (this.scheduled || this.waiting.length === 0 || this.underWay >= atOnce) return;
    this.scheduled = true;
    setTimeout(() => {
      this.scheduled = false;
      void this.sendNext();
    }, 5);
  }

  private async sendNext(): Promise<void> {
    const batch = this.takeBatch();
    if (batch.length === 0) return;
    const counts = batch.some(({ call }) => call.counts === true);
    this.underWay += 1;
    this.counting ||= counts;
    try {
      const answers = await this.callAll(batch.map(({ call }) => call));
      answers.forEach((answer, i) => batch[i]?.done(answer));
    } catch (error) {
      for (const { failed } of batch) failed(error);
    } finally {
      this.underWay -= 1;
      if (counts) this.counting = false;
      this.schedule();
    }
  }

  private takeBatch(): readonly Waiting[] {
    const batch: Waiting[] = [];
    const rest: Waiting[] = [];
    let sum = 0;
    for (const one of this.waiting) {
      const fits = batch.length === 0 || (batch.length < mostCalls && sum + one.bytes <= mostBytes);
      if (fits && !(this.counting && one.call.counts === true)) {
        batch.push(one);
        sum += one.bytes;
      } else rest.push(one);
    }
    this.waiting = rest;
    return batch;
  }

  /** The whole input of a shell that makes these calls. */
  script(calls: string, bin = this.bin ?? ''): string {
    return [
      functions,
      // A function, so that nothing is run of a request that was cut off on its way.
      'perdure_main() {',
      `enter ${words(this.site.workingDir, bin, this.patience.command)}`,
      calls,
      '}',
      'perdure_main',
      'exit 0\n',
    ].join('\n');
  }

  /** A command is told to end in time, and killed a little later. */
  private timeOf({ timeoutMs, commands = 0 }: Call): number {
    return timeoutMs + commands * (this.patience.command + 6) * 1000;
  }

  private async send(calls: string, bin: string, timeoutMs: number): Promise<ReadonlyMap<string, Answer>> {
    const nonce = randomUUID();
    const input = this.script(
      `say perdure-begin-${nonce}\ncheck_pbs\n${calls}\nsay perdure-end-${nonce}`,
      bin,
    );
    const { stdout, stderr, status } = await this.run(input, timeoutMs);
    const answers = readAnswers(stdout, `perdure-begin-${nonce}`, `perdure-end-${nonce}`);
    if (answers !== null) {
      // Where it is was found out by looking; the next call looks again.
      const own = answers.get('-');
      if (own !== undefined && lineOf(own, 'astray') !== undefined) this.bin = this.site.pbsBin;
      return answers;
    }
    const said = stderr.trim().split('\n').slice(-3).join('; ');
    if (status === 3) {
      throw new PerdureError('Unavailable', `${this.site.workingDir} can't be used: ${said}`, {
        where: `site ${this.site.name} (${this.transport.description})`,
        hint: 'does it exist, and may you write there?',
      });
    }
    throw new PerdureError('Unavailable', `the answer was cut off${said === '' ? '' : `: ${said}`}`, {
      where: `site ${this.site.name} (${this.transport.description})`,
    });
  }

  /** Writes a file below the working directory, whole or not at all. */
  async put(path: string, bytes: Uint8Array, timeoutMs: number): Promise<void> {
    await this.hinted(() =>
      this.transport.put(`${this.site.workingDir}/${path}`, bytes, { timeoutMs, mode: 0o600 }),
    );
  }

  private run(input: string, timeoutMs: number): Promise<RunResult> {
    return this.hinted(() => this.transport.run('/bin/sh -s', { input, timeoutMs, maxBytes: 256 * 2 ** 20 }));
  }

  /** A transport does not know what its site is called. */
  private async hinted<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof PerdureError) || error.kind !== 'LoginRequired') throw error;
      const hint = error.hint ?? `perdure login ${this.site.name}`;
      // A transport that needs a person has not begun anything.
      throw new PerdureError('LoginRequired', error.message, {
        where: error.where,
        hint,
        cause: error,
        nothingDone: true,
      });
    }
  }

  private findPbs(): Promise<string> {
    this.finding ??= this.lookForPbs().finally(() => {
      this.finding = undefined;
    });
    return this.finding;
  }

  private async lookForPbs(): Promise<string> {
    const answer = (await this.send('find_pbs 0', '', 60_000)).get('0');
    const found = answer === undefined ? undefined : lineOf(answer, 'found');
    if (found !== undefined) return (this.bin = found);
    throw new PerdureError('Unavailable', 'there is no qsub', {
      where: `site ${this.site.name} (${this.transport.description})`,
      hint: 'say where PBS is by `pbs_bin:` in the settings of the site, e.g. /opt/pbs/bin',
    });
  }
}

/** The words of a call, quoted. Pass a list as one argument: a spread list would have a limit. */
export function words(...all: readonly (string | number | readonly string[])[]): string {
  return all
    .flat()
    .map((word) => quote(String(word)))
    .join(' ');
}

/** What a function said had failed, in words; `undefined` where nothing had. */
export function failureIn(answer: Answer): string | undefined {
  const failed = lineOf(answer, 'failed');
  if (failed !== undefined) return failed;
  return answer.data.has('qselect')
    ? textOf(answer, 'qselect').trim() || 'qselect gave no answer'
    : undefined;
}
