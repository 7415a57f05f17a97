import { PerdureError } from '../../study/error';
import type { TrialSpec } from '../../study/spec';
import type { JobRequest } from '../scheduler';
import { readShim, type SiteShim } from './shim';
import { lineOf } from './site-answer';
import { words, type SiteShell } from './site-shell';

/** For the transfer of one file (milliseconds). */
const transfer = 10 * 60_000;

/**
 * Brings what a trial needs to its site: Perdure's own parts and the study's files once each, by their content. Directories are
 * made of them there.
 */
export class Staging {
  private readonly there = new Map<string, Promise<void>>();
  readonly shim: SiteShim = readShim();

  constructor(private readonly shell: SiteShell) {}

  /** What everything else relies on: made anew where somebody has cleaned the site. */
  async shimReady(): Promise<void> {
    const { path, files } = this.shim;
    await this.once(path, async () => {
      // The last file says that the others are there.
      if (await this.has(`${path}/complete`)) return;
      await this.make(path);
      await Promise.all(files.map(({ name, bytes }) => this.put(`${path}/${name}`, bytes)));
      await this.put(`${path}/complete`, new Uint8Array());
    });
  }

  async fileReady(sha256: string, request: Pick<JobRequest, 'readFile'>): Promise<void> {
    const path = `files/${sha256}`;
    await this.once(path, async () => {
      if (!(await this.has(path))) await this.put(path, await request.readFile(sha256));
    });
  }

  /** Forgets what it believed to be at the site. */
  forget(): void {
    this.there.clear();
  }

  /** Lines that put the study's files into the directory that is being made. */
  fileLines(files: TrialSpec['files']): readonly string[] {
    return files.map(({ path: name, sha256, executable }) => {
      if (name === '.perdure' || name.startsWith('.perdure/')) {
        throw new PerdureError('SubmitRejected', `'${name}' is where Perdure keeps files of its own`, {
          where: 'trial.files',
          hint: 'give it another name',
        });
      }
      return `put_file ${words(`./${name}`, sha256, executable ? '755' : '644')}`;
    });
  }

  private async once(name: string, work: () => Promise<void>): Promise<void> {
    const known = this.there.get(name);
    if (known !== undefined) {
      await known;
      return;
    }
    const mine = work();
    this.there.set(name, mine);
    mine.catch(() => this.there.delete(name));
    await mine;
  }

  private async has(path: string): Promise<boolean> {
    const answer = await this.shell.call({
      lines: (number) => `have ${words(number, path)}`,
      timeoutMs: 1000,
    });
    return lineOf(answer, 'yes') !== undefined;
  }

  private async make(path: string): Promise<void> {
    await this.shell.call({
      lines: (number) => `mkdir -p ${words(path)} && have ${words(number, path)}`,
      timeoutMs: 1000,
    });
  }

  private async put(path: string, bytes: Uint8Array): Promise<void> {
    await this.shell.put(path, bytes, transfer);
  }
}
