import { StringDecoder } from 'node:string_decoder';

const defaultMost = 64 * 1024 * 1024;
const stderrMost = 64 * 1024;
/** A longer line is handed over in parts, so that a stream without newlines does not fill the memory. */
const lineMost = 1024 * 1024;

/** What a command has said: standard output whole, up to a limit, and the end of standard error. */
export class Output {
  private readonly parts: Buffer[] = [];
  private size = 0;
  private tail = Buffer.alloc(0);

  constructor(readonly maxBytes = defaultMost) {}

  /** @returns `false` where this is more than the limit: the command has to be ended. */
  addStdout(part: Buffer): boolean {
    this.size += part.length;
    if (this.size > this.maxBytes) return false;
    this.parts.push(part);
    return true;
  }

  addStderr(part: Buffer): void {
    this.tail = Buffer.concat([this.tail, part]);
    if (this.tail.length > 2 * stderrMost) this.tail = this.tail.subarray(-stderrMost);
  }

  get stdout(): Uint8Array {
    return Buffer.concat(this.parts);
  }

  get stderr(): string {
    return this.tail.subarray(-stderrMost).toString('utf8');
  }
}

/** Cuts a stream of bytes into lines, without their ends. */
export class Lines {
  private readonly decoder = new StringDecoder('utf8');
  private rest = '';

  constructor(private readonly onLine: (line: string) => void) {}

  add(part: Buffer): void {
    const lines = (this.rest + this.decoder.write(part)).split('\n');
    this.rest = lines.pop() ?? '';
    for (const line of lines) this.onLine(line);
    if (this.rest.length <= lineMost) return;
    this.onLine(this.rest);
    this.rest = '';
  }

  /** The last line may have no end. */
  finish(): void {
    const last = this.rest + this.decoder.end();
    this.rest = '';
    if (last !== '') this.onLine(last);
  }
}

/** Status as a shell gives it for a process that a signal ended. */
export function statusOfSignal(signal: string, numbers: Readonly<Record<string, number>>): number {
  return 128 + (numbers[signal] ?? 0);
}
