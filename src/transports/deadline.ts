import { PerdureError } from '../study/error';

/** A moment by which something has to be done, whatever it is made of: waiting for a turn, connecting, running. */
export class Deadline {
  readonly totalMs: number;
  private readonly end: number;

  constructor(totalMs: number) {
    this.totalMs = totalMs;
    this.end = performance.now() + totalMs;
  }

  get remainingMs(): number {
    return Math.max(0, this.end - performance.now());
  }

  /** What to throw when it has passed. `what` says what was being waited for. */
  error(what: string, where: string): PerdureError {
    const seconds = Math.round(this.totalMs / 100) / 10;
    return new PerdureError('Unavailable', `no answer within ${String(seconds)} s: ${what}`, { where });
  }
}

/** Waits for a promise until the deadline, then throws what `late` makes. The promise itself goes on unheard. */
export async function before<T>(deadline: Deadline, promise: Promise<T>, late: () => Error): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const passed = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(late());
    }, deadline.remainingMs);
  });
  try {
    return await Promise.race([promise, passed]);
  } finally {
    clearTimeout(timer);
  }
}
