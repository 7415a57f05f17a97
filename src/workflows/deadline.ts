import { CancellationScope, isCancellation, sleep } from '@temporalio/workflow';

/** Calls `wake` at a moment that may be moved; one timer, set anew only where the moment has changed. */
export class Deadline {
  private at: number | null = null;
  private timer: CancellationScope | undefined;

  constructor(private readonly wake: () => void) {}

  /** @param at milliseconds since the epoch; `null`: never */
  set(at: number | null): void {
    if (at === this.at) return;
    this.at = at;
    this.timer?.cancel();
    this.timer = undefined;
    const delay = at === null ? 0 : at - Date.now();
    if (delay <= 0) return;
    this.timer = new CancellationScope();
    this.timer
      .run(() => sleep(delay))
      .then(this.wake)
      .catch((error: unknown) => {
        if (!isCancellation(error)) throw error;
      });
  }
}
