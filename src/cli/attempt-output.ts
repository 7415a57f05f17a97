import type { Session } from '../client/session';
import type { LogReply, LogRequest } from '../control/protocol';
import type { JobRow } from '../storage/ledger';
import { readAttemptLog } from '../worker/attempt-log';

/** Bytes of one request. */
const chunk = 2 ** 20;
/** Of these the last lines are looked for; with longer ones there are fewer. */
const longestTail = 2 ** 26;

/** What one attempt prints, read on from where the last reading ended. */
export class AttemptOutput {
  private source: LogRequest['source'] = null;
  private at = 0;

  /** @param signal ends a request that is under way */
  constructor(
    private readonly session: Session,
    private readonly uuid: string,
    readonly job: JobRow,
    private readonly signal?: AbortSignal,
  ) {}

  /** `true` where something has been printed. */
  get begun(): boolean {
    return this.source !== null;
  }

  /** Leaves out all but the last lines of what is there. */
  async skipTo(lines: number): Promise<void> {
    const whole = await this.read({ source: null, from: 0, most: 0 });
    if (whole === null) return;
    const { source, size } = whole;
    for (let span = 2 ** 16; ; span *= 4) {
      const from = Math.max(0, size - span);
      const got = await this.read({ source, from, most: size - from });
      const start = startOfLast(bytesOf(got), lines);
      if (start === 0 && from > 0 && span < longestTail) continue;
      this.source = source;
      this.at = from + start;
      return;
    }
  }

  /** Writes to standard output, as it is, what came since. @returns `false` where the attempt has no directory */
  async copy(): Promise<boolean> {
    for (;;) {
      const got = await this.read({ source: this.source, from: this.at, most: chunk });
      if (got === null) return false;
      const bytes = bytesOf(got);
      this.source = got.source;
      this.at = got.from + bytes.length;
      if (bytes.length > 0) await write(bytes);
      if (bytes.length === 0 || this.at >= got.size) return true;
    }
  }

  private read(part: LogRequest): Promise<LogReply | null> {
    const { site, number, attempt } = this.job;
    return readAttemptLog(
      this.session.settings,
      { site, study: this.uuid, number, attempt },
      part,
      this.signal,
    );
  }
}

/** Where the last lines begin; a line that is not complete counts. 0: there are no more than these. */
export function startOfLast(bytes: Uint8Array, lines: number): number {
  let left = lines;
  for (let at = bytes.length - 2; at >= 0; at -= 1) {
    if (bytes[at] !== 10) continue;
    left -= 1;
    if (left === 0) return at + 1;
  }
  return 0;
}

function bytesOf(reply: LogReply | null): Buffer {
  return Buffer.from(reply?.base64 ?? '', 'base64');
}

/** Waits until it is written, so that a long log is not held in memory. */
function write(bytes: Uint8Array): Promise<void> {
  return new Promise((done) => {
    process.stdout.write(bytes, () => {
      done();
    });
  });
}
