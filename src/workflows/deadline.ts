import { CancellationScope, isCancellation, patched, sleep } from '@temporalio/workflow';

/** Deadlines of studies that an earlier version began are told by the clock, as their histories have it. */
const byTimer = 'deadline-by-timer';

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
    if (this.at === null || !patched(byTimer)) return Date.now();
    return this.over ? this.at : -Infinity;
  }

  /** @param at milliseconds since the epoch; `null`: never */
  set(at: number | null): void {
    if (at === this.at) return;
    this.at = at;
    this.timer?.cancel();
    this.timer = undefined;
    const delay = at === null ? Infinity : at - Date.now();
    this.over = delay <= 0;
    if (at === null) return;
    // A timer in any case, since what a task does itself makes its time sure.
    if (this.over && !patched(byTimer)) return;
    const timer = new CancellationScope();
    this.timer = timer;
    timer
      .run(() => sleep(Math.max(delay, 1)))
      .then(() => {
        // It may have been moved in that moment.
        if (this.timer !== timer) return;
        this.over = true;
        this.wake();
      })
      .catch((error: unknown) => {
        if (!isCancellation(error)) throw error;
      });
  }
}
