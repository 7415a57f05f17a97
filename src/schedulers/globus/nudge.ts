/** The longest pause between two (milliseconds). */
const longest = 60 * 60_000;

/**
 * When an endpoint that keeps silent is sent a task of no use. Tasks that wait may wait for a free worker, or for ever: the process that
 * would have run them was killed, and is only started again by a task that comes after it. What a later task's answer then tells of
 * the earlier ones is for others to decide. The longer an endpoint keeps silent, the rarer: it may have no node for days.
 */
export class Nudge {
  private at = 0;
  private pause: number;

  /** @param first the pause after the last news (milliseconds) */
  constructor(private readonly first: number) {
    this.pause = first;
  }

  /**
   * Whether it is time for one now; if so, it counts as sent.
   * @param waiting when the tasks were submitted that nothing is known of
   * @param newsAt when anything was heard of any task
   */
  isDue(waiting: readonly number[], newsAt: number, now = Date.now()): boolean {
    if (newsAt > this.at) this.pause = this.first;
    if (waiting.length === 0) return false;
    if (now - Math.max(newsAt, this.at, ...waiting) < this.pause) return false;
    this.at = now;
    this.pause = Math.min(2 * this.pause, longest);
    return true;
  }
}
