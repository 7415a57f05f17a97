import { setTimeout as sleep } from 'node:timers/promises';

/** Work on things that come one by one, done for all of them that have come meanwhile: one run of it at a time. */
export class Together<T> {
  private waiting: { readonly all: Set<T>; readonly done: PromiseWithResolvers<void> } | null = null;
  private running = false;

  /** @param gathering how long the first one waits for others (milliseconds) */
  constructor(
    private readonly work: (all: readonly T[]) => Promise<void>,
    private readonly gathering: number,
  ) {}

  /** Resolves when the work has been done for these, begun after they came. */
  do(some: readonly T[]): Promise<void> {
    this.waiting ??= { all: new Set(), done: Promise.withResolvers() };
    for (const one of some) this.waiting.all.add(one);
    const { promise } = this.waiting.done;
    if (!this.running) void this.run();
    return promise;
  }

  private async run(): Promise<void> {
    this.running = true;
    await sleep(this.gathering);
    while (this.waiting !== null) {
      const { all, done } = this.waiting;
      this.waiting = null;
      await this.work([...all]).then(done.resolve, done.reject);
    }
    this.running = false;
  }
}
