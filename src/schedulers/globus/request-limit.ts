import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Lets so many through in any span of so many milliseconds, in the order in which they came, and nobody before a moment that the
 * service has named.
 */
export class RequestLimit {
  private readonly begun: number[] = [];
  private notBefore = 0;
  private last: Promise<void> = Promise.resolve();

  constructor(
    private readonly most: number,
    private readonly span: number,
  ) {}

  /** Resolves when the next request may begin. */
  turn(): Promise<void> {
    const mine = this.last.then(() => this.wait());
    this.last = mine;
    return mine;
  }

  /** Nothing more for so many milliseconds. */
  pause(duration: number): void {
    this.notBefore = Math.max(this.notBefore, Date.now() + duration);
  }

  private async wait(): Promise<void> {
    for (;;) {
      const now = Date.now();
      const oldest = this.begun.length < this.most ? 0 : (this.begun[0] ?? 0) + this.span;
      const at = Math.max(oldest, this.notBefore);
      if (at <= now) break;
      await sleep(at - now);
    }
    if (this.begun.length >= this.most) this.begun.shift();
    this.begun.push(Date.now());
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
