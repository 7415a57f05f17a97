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

/** Commands that go on for long: hints that nobody depends on, which end where a server has no room for others beside them. */
export class Lasting {
  private readonly all = new Set<() => void>();
  private crowded = false;

  /** @returns how to take it back; `null` where it was seen that there is no room for such a command */
  add(end: () => void): (() => void) | null {
    if (this.crowded) return null;
    this.all.add(end);
    return () => this.all.delete(end);
  }

  /** The server has no room: those that go on end, and no more of them begin. */
  giveWay(): void {
    if (this.all.size === 0) return;
    this.crowded = true;
    for (const end of this.all) end();
  }
}

/** Why a command that goes on was ended, or not begun. */
export const noRoom = 'the server has no channel to spare (MaxSessions) for a command that goes on';
