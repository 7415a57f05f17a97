import { PerdureError } from '../../study/error';
import type { Storeroom, Survey } from '../storeroom';
import { lineOf, type Answer } from './site-answer';
import { failureIn, words, type Call, type SiteShell } from './site-shell';

/** Large trees on a parallel file system take their time (milliseconds). */
const patience = 30 * 60_000;

/** The working directory of a site that a shell leads to. */
export class RemoteStoreroom implements Storeroom {
  /** @param shim the parts of Perdure that this worker uses: `shim/HASH` */
  constructor(
    private readonly shell: SiteShell,
    private readonly site: string,
    private readonly shim: string,
  ) {}

  /** Without an answer of PBS nobody knows what its jobs need: `Unavailable`. */
  async survey(olderThan: number): Promise<Survey> {
    const seconds = Math.ceil(olderThan / 1000);
    const answer = await this.ask((number) => `survey ${words(number, seconds, this.shim)}`, 'surveyed');
    const all = (word: string): readonly string[] =>
      answer.lines.flatMap((line) => (line.word === word ? [line.text] : []));
    return {
      old: all('old'),
      live: all('live'),
      ended: all('ended'),
      lastBlock: lineOf(answer, 'last') ?? null,
      shims: all('shim'),
    };
  }

  async weigh(paths: readonly string[]): Promise<number> {
    const answer = await this.ask((number) => `weigh ${words(number, paths)}`, 'kilobytes');
    return 1024 * Number(lineOf(answer, 'kilobytes'));
  }

  async remove(paths: readonly string[]): Promise<void> {
    await this.ask((number) => `remove ${words(number, paths)}`, 'removed');
  }

  /** In a command of its own: what looks after jobs must not wait for it. */
  private async ask(lines: Call['lines'], last: string): Promise<Answer> {
    const [answer] = await this.shell.callAll([{ lines, timeoutMs: patience }]);
    const failed = answer === undefined ? undefined : failureIn(answer);
    if (answer !== undefined && failed === undefined && lineOf(answer, last) !== undefined) return answer;
    throw new PerdureError('Unavailable', failed ?? 'the site did not answer to the end', {
      where: `site ${this.site}`,
    });
  }
}
