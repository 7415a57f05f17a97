import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PreparationProgress, PreparationRequest } from '../../src/schedulers/preparation';
import type { Scheduler } from '../../src/schedulers/scheduler';

/** A preparation in a few words. */
export interface FakePreparation {
  readonly script: string;
  readonly in?: 'login' | 'job';
  /** Milliseconds. */
  readonly timeout?: number;
  readonly asker?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Text by path; each can be executed. */
  readonly files?: Readonly<Record<string, string>>;
}

/** The preparation as a scheduler is asked for it. */
export function preparationOf(fake: FakePreparation): PreparationRequest {
  const { script, in: where = 'login', timeout = 60_000, asker = 'one', env = {}, files = {} } = fake;
  const texts = new Map(Object.values(files).map((text) => [sha256(text), text]));
  return {
    preparation: { script, in: where, timeout },
    trial: {
      env,
      files: Object.entries(files).map(([path, text]) => ({
        path,
        sha256: sha256(text),
        size: Buffer.byteLength(text),
        executable: true,
      })),
    },
    readFile: (hash) => Promise.resolve(Buffer.from(texts.get(hash) ?? '')),
    asker,
  };
}

/** Asks as an activity does, until the preparation is over. */
export async function untilPrepared(
  scheduler: Scheduler,
  request: PreparationRequest,
  timeoutMs = 60_000,
): Promise<Exclude<PreparationProgress, { state: 'open' }>> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const progress = await scheduler.prepare(request);
    if (progress.state !== 'open') return progress;
    if (Date.now() > end) throw new Error(`still not over: ${progress.note}`);
    await sleep(Math.min(progress.again, 100));
  }
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
