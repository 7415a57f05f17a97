/** `soon`: somebody waits for it; `patient`: it may be late, and leaves half of the requests to the others. */
export type Urgency = 'soon' | 'patient';

/**
 * Lets so many through in any span of so many milliseconds, those of one urgency in the order in which they came, and nobody before a
 * moment that the service has named.
 */
export class RequestLimit {
  /** By a clock that nobody sets: where this machine's is set back, nobody waits for the hours in between. */
  private begun: number[] = [];
  private notBefore = 0;
  private readonly last: Record<Urgency, Promise<void>> = {
    soon: Promise.resolve(),
    patient: Promise.resolve(),
  };

  constructor(
    private readonly most: number,
    private readonly span: number,
  ) {}

  /**
   * Resolves when the next request may begin.
   * @param signal where it aborts, this turn is given up, and the others stay
   */
  turn(urgency: Urgency = 'soon', signal?: AbortSignal): Promise<void> {
    const most = urgency === 'soon' ? this.most : Math.max(1, Math.floor(this.most / 2));
    const mine = this.last[urgency].then(() => this.wait(most, signal));
    this.last[urgency] = mine.catch(() => undefined);
    return mine;
  }

  /** Nothing more for so many milliseconds. */
  pause(duration: number): void {
    this.notBefore = Math.max(this.notBefore, performance.now() + duration);
  }

  /** How long nobody may begin, as the service has named it (milliseconds). */
  get pausedFor(): number {
    return Math.max(0, this.notBefore - performance.now());
  }

  private async wait(most: number, signal: AbortSignal | undefined): Promise<void> {
    for (;;) {
      signal?.throwIfAborted();
      const now = performance.now();
      this.begun = this.begun.filter((at) => at > now - this.span);
      // The one after whose end there is room.
      const crowding = this.begun.at(-most);
      const at = Math.max(crowding === undefined ? 0 : crowding + this.span, this.notBefore);
      if (at <= now) break;
      await new Promise<void>((done) => {
        const end = (): void => {
          clearTimeout(timer);
          signal?.removeEventListener('abort', end);
          done();
        };
        const timer = setTimeout(end, at - now);
        signal?.addEventListener('abort', end);
      });
    }
    this.begun.push(performance.now());
  }
}

const limits = new Map<string, RequestLimit>();

/** The limit of a service, which all sites of this process share. */
export function limitOf(serviceUrl: string): RequestLimit {
  const known = limits.get(serviceUrl);
  if (known !== undefined) return known;
  // Globus Compute: 20 requests in 10 seconds.
  const limit = new RequestLimit(20, 10_000);
  limits.set(serviceUrl, limit);
  return limit;
}
