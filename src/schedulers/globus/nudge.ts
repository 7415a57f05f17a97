import { largest } from '../../study/lists';

/** The longest pause between two (milliseconds). */
const longest = 60 * 60_000;

/**
 * When an endpoint that keeps silent is sent a task of no use. Tasks that wait may wait for a free worker, or for ever: the process that
 * would have run them was killed, and is only started again by a task that comes after it. What a later task's answer then tells of
 * the earlier ones is for others to decide. The longer an endpoint keeps silent, the rarer: it may have no node for days. One that is not
 * there is left alone, and asked at once when it is back: what would have started its processes may have come too early for that (its
 * manager passes over commands that are three minutes old).
 */
export class Nudge {
  private at = 0;
  private pause: number;
  private sent = 0;

  /** @param first the pause after the last news (milliseconds) */
  constructor(private readonly first: number) {
    this.pause = first;
  }

  /** How many were sent since anything was heard. */
  get unanswered(): number {
    return this.sent;
  }

  /**
   * Whether it is time for one now; if so, it counts as sent.
   * @param waiting when the tasks were submitted that nothing is known of
   * @param heard when anything was heard of any task, and when the endpoint was seen to be back after it was away (0: it never was);
   *   whether it is away
   */
  isDue(
    waiting: readonly number[],
    { newsAt, backAt, away }: { readonly newsAt: number; readonly backAt: number; readonly away: boolean },
    now = Date.now(),
  ): boolean {
    if (Math.max(newsAt, backAt) > this.at) {
      this.pause = this.first;
      this.sent = 0;
    }
    if (waiting.length === 0 || away) return false;
    const isBack = backAt > largest([newsAt, this.at, ...waiting]);
    if (!isBack && now - largest([newsAt, this.at, ...waiting]) < this.pause) return false;
    this.at = now;
    this.sent += 1;
    this.pause = isBack ? this.first : Math.min(2 * this.pause, longest);
    return true;
  }
}
