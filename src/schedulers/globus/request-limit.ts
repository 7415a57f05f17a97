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

  /** Resolves when the next request may begin. */
  turn(urgency: Urgency = 'soon'): Promise<void> {
    const most = urgency === 'soon' ? this.most : Math.max(1, Math.floor(this.most / 2));
    const mine = this.last[urgency].then(() => this.wait(most));
    this.last[urgency] = mine;
    return mine;
  }

  /** Nothing more for so many milliseconds. */
  pause(duration: number): void {
    this.notBefore = Math.max(this.notBefore, performance.now() + duration);
  }

  private async wait(most: number): Promise<void> {
    for (;;) {
      const now = performance.now();
      this.begun = this.begun.filter((at) => at > now - this.span);
      // The one after whose end there is room.
      const crowding = this.begun.at(-most);
      const at = Math.max(crowding === undefined ? 0 : crowding + this.span, this.notBefore);
      if (at <= now) break;
      await new Promise((done) => setTimeout(done, at - now));
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
