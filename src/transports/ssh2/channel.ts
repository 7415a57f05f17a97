import { constants } from 'node:os';
import type { ClientChannel } from 'ssh2';
import { handleErrors } from '../../process/handle-errors';
import { statusOfSignal } from '../output';

/** One command's channel: its streams, and when and how it ended. */
export class Channel {
  /** Exit status; `null` until it was told, and where the channel was closed without. */
  status: number | null = null;
  isClosed = false;
  /** Resolves when the channel is closed and both outputs were read to their ends. */
  readonly ended: Promise<void>;

  constructor(readonly stream: ClientChannel) {
    // The library tells `null` and a name for a command that a signal ended, which its types leave out.
    stream.on('exit', (code: number | null, signal?: string) => {
      this.status = code ?? statusOfSignal(signal ?? '', constants.signals);
    });
    // A command may end without reading its input.
    handleErrors(stream);
    handleErrors(stream.stderr);
    const closed = new Promise<void>((resolve) => {
      stream.once('close', () => {
        this.isClosed = true;
        resolve();
      });
    });
    const errorsRead = new Promise<void>((resolve) => {
      stream.stderr.once('end', resolve).once('close', resolve);
    });
    this.ended = Promise.all([closed, errorsRead]).then(() => undefined);
  }

  /** Tells the command to end: closes its input and signals it; with `KILL`, the channel is closed too. */
  finish(signal: 'TERM' | 'KILL'): void {
    if (this.isClosed) return;
    // Nobody reads it any more, and an unread channel never closes.
    this.stream.resume();
    this.stream.stderr.resume();
    this.signal(signal);
    this.stream.end();
    if (signal === 'KILL') this.stream.close();
  }

  /**
   * Signals the command's whole process group, as sshd does since OpenSSH 7.9. `stream.signal()` sends nothing once the input has
   * ended, which the protocol allows (RFC 4254, 6.9): so this goes beneath it where the library still looks as it did.
   */
  private signal(name: 'TERM' | 'KILL'): void {
    const inner = this.stream as unknown as Partial<Inner>;
    const id = inner.outgoing?.id;
    const send = inner._client?._protocol?.signal;
    if (id === undefined || send === undefined) this.stream.signal(name);
    else send.call(inner._client?._protocol, id, name);
  }
}

interface Inner {
  readonly outgoing: { readonly id?: number };
  readonly _client: { readonly _protocol?: { readonly signal?: (id: number, name: string) => void } };
}
