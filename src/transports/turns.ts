/** Lets so many at a time, in the order in which they came. */
export class Turns {
  private free: number;
  private readonly waiting: (() => void)[] = [];

  constructor(most: number) {
    this.free = most;
  }

  /** @returns how to give the turn back, once; `null` where it did not come before the signal aborted */
  async take(signal: AbortSignal): Promise<(() => void) | null> {
    if (signal.aborted) return null;
    if (this.free > 0) {
      this.free--;
      return this.giveBack();
    }
    return new Promise((resolve) => {
      const called = (): void => {
        signal.removeEventListener('abort', gone);
        resolve(this.giveBack());
      };
      const gone = (): void => {
        this.waiting.splice(this.waiting.indexOf(called), 1);
        resolve(null);
      };
      this.waiting.push(called);
      signal.addEventListener('abort', gone, { once: true });
    });
  }

  private giveBack(): () => void {
    let given = false;
    return () => {
      if (given) return;
      given = true;
      const next = this.waiting.shift();
      // The next one gets this very turn.
      if (next === undefined) this.free++;
      else next();
    };
  }
}
