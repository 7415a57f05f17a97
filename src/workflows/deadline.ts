import { CancellationScope, isCancellation, patched, sleep } from '@temporalio/workflow';

/** Calls `wake` at a moment that may be moved; one timer, set anew only where the moment has changed. */
export class Deadline {
  private at: number | null = null;
  private over = false;
  private timer: CancellationScope | undefined;

  constructor(private readonly wake: () => void) {}

  /**
   * A moment to compare with the deadline; milliseconds since the epoch. It is told by the timer and not by the clock: a replay
   * sees the last of several workflow tasks in the place of the first (see `SureLength`), which has a later time.
   */
  get now(): number {
    if (this.at === null || !patched('deadline-by-timer')) return Date.now();
    return this.over ? this.at : -Infinity;
  }

  /** @param at milliseconds since the epoch; `null`: never */
  set(at: number | null): void {
    if (at === this.at) return;
    this.at = at;
    this.timer?.cancel();
    this.timer = undefined;
    this.over = false;
    if (at === null) return;
    const delay = at - Date.now();
    this.over = delay <= 0;
    // A timer in any case, since what a task does itself makes its time sure.
    if (this.over && !patched('deadline-by-timer')) return;
    this.timer = new CancellationScope();
    this.timer
      .run(() => sleep(Math.max(delay, 1)))
      .then(() => {
        this.over = true;
        this.wake();
      })
      .catch((error: unknown) => {
        if (!isCancellation(error)) throw error;
      });
  }
}
