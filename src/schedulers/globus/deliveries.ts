import { setTimeout as sleep } from 'node:timers/promises';
import { PerdureError } from '../../study/error';
import type { Json, JsonObject } from '../../study/json';
import type { SiteShim } from '../remote/shim';
import { lineOf } from '../remote/site-answer';
import { words, type SiteShell } from '../remote/site-shell';
import { packedText } from './attempt-request';
import type { GlobusJournal } from './journal';

/** What a task brings with it, packed, at most (characters): of one file, and of all. */
const small = { file: 2 ** 17, all: 2 ** 20 };
/** For one large file on its way (milliseconds), and how long a submission waits for it before it is put off. */
const transfer = { most: 30 * 60_000, patience: 20_000 };

/**
 * Brings files to a site once each, by their content: small ones in the tasks that need them, until one of those has told that they are
 * there; large ones beforehand. What a task misses after all, it says, and is submitted again with it.
 */
export class Deliveries {
  private readonly present = new Set<string>();
  private readonly underWay = new Map<string, Promise<void>>();

  constructor(
    private readonly site: string,
    private readonly shim: SiteShim,
    private readonly journal: Pick<GlobusJournal, 'readFile'>,
    private readonly shell: SiteShell,
  ) {}

  /**
   * Bytes that a task of this attempt has to bring, by their path at the site.
   * @throws {@link PerdureError} `Unavailable` while a large file is on its way
   */
  async bring(request: JsonObject): Promise<ReadonlyMap<string, Uint8Array>> {
    const brought = new Map<string, Uint8Array>();
    if (!this.present.has(this.complete)) {
      for (const { name, bytes } of this.shim.files) brought.set(`${this.shim.path}/${name}`, bytes);
      // The last one says that the others are there.
      brought.set(this.complete, new Uint8Array());
    }
    let characters = 0;
    for (const sha256 of filesOf(request)) {
      const path = `files/${sha256}`;
      if (this.present.has(path) || brought.has(path)) continue;
      const bytes = await this.journal.readFile(sha256);
      const size = bytes.length > 8 * small.file ? Infinity : packedText(bytes).length;
      if (size > small.file || characters + size > small.all) await this.deliver(path, bytes);
      else {
        brought.set(path, bytes);
        characters += size;
      }
    }
    return brought;
  }

  /** A task had all that it needed. */
  proved(request: JsonObject): void {
    this.present.add(this.complete);
    for (const sha256 of filesOf(request)) this.present.add(`files/${sha256}`);
  }

  /** Somebody has cleaned the site. */
  missing(paths: readonly string[]): void {
    for (const path of paths) this.present.delete(path);
  }

  private get complete(): string {
    return `${this.shim.path}/complete`;
  }

  private async deliver(path: string, bytes: Uint8Array): Promise<void> {
    let delivery = this.underWay.get(path);
    if (delivery === undefined) {
      delivery = this.deliverNow(path, bytes);
      this.underWay.set(path, delivery);
      const done = (): void => {
        this.underWay.delete(path);
      };
      delivery.then(done, done);
    }
    const over = new AbortController();
    try {
      const late = sleep(transfer.patience, 'late', { signal: over.signal }).catch(() => 'late');
      if ((await Promise.race([delivery, late])) !== 'late') return;
    } finally {
      over.abort();
    }
    const size = `${(bytes.length / 2 ** 20).toFixed(1)} MB`;
    throw new PerdureError('Unavailable', `a file of ${size} is on its way to the site`, {
      where: `site ${this.site}`,
      nothingDone: true,
    });
  }

  private async deliverNow(path: string, bytes: Uint8Array): Promise<void> {
    // It makes the working directory, too.
    const answer = await this.shell.call({
      lines: (number) => `have ${words(number, path)}`,
      timeoutMs: 1000,
    });
    if (lineOf(answer, 'yes') === undefined) await this.shell.put(path, bytes, transfer.most);
    this.present.add(path);
  }
}

function filesOf({ files = [] }: JsonObject): readonly string[] {
  const all = Array.isArray(files) ? (files as readonly Json[]) : [];
  return all.flatMap((file) => (Array.isArray(file) && typeof file[1] === 'string' ? [file[1]] : []));
}
