import { createHash } from 'node:crypto';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import type { SiteHealth } from '../study/site-health';
import type { Cleaning, Heap, NeededStudy, SiteFinding } from '../study/site-upkeep';

/*
 * What the command line asks of a worker on the same machine, over a socket that only this user can open: whatever needs the
 * worker's connection to a site, and must not pass through a workflow's history. One JSON object a line, in both directions; one
 * request a connection.
 */

/** From the command line. */
export type ControlRequest =
  /** Connects to a site with a person's help. */
  | { readonly do: 'login'; readonly site: string }
  /** Reads a part of what a trial has printed; answered by a {@link LogReply}. */
  | {
      readonly do: 'log';
      readonly site: string;
      /** The study's UUID. */
      readonly study: string;
      readonly number: number;
      readonly attempt: number;
      readonly part: LogRequest;
    }
  /** Removes what nobody needs; answered by heaps. */
  | { readonly do: 'clean'; readonly site: string; readonly cleaning: Cleaning }
  /** How the site is; answered by its health. `log`: with the last lines of the site's own log, which takes longer. */
  | { readonly do: 'health'; readonly site: string; readonly log?: true }
  /** Looks at the site; answered by findings. */
  | { readonly do: 'examine'; readonly site: string; readonly needed: readonly NeededStudy[] };

/** What each request is answered with, as JSON in the text of `done`. */
export interface ControlAnswer {
  readonly log: LogReply | null;
  readonly clean: readonly Heap[];
  readonly examine: readonly SiteFinding[];
  readonly health: SiteHealth;
}

/** `source`: what `from` counts in, as the last reply said; `null` at first. */
export interface LogRequest {
  readonly source: 'trial' | 'job' | null;
  readonly from: number;
  readonly most: number;
}

/** Where there is another source now, `from` is 0. `null` in its place: the attempt has no directory. */
export interface LogReply {
  readonly source: 'trial' | 'job' | null;
  readonly from: number;
  readonly size: number;
  readonly base64: string;
}

/** From the command line, while a request is carried out: a person's answers to `ask`; `null`: given up. */
export interface ControlAnswers {
  readonly answers: readonly string[] | null;
}

/** From the worker. The last line of a connection is `done` or `failed`. */
export type ControlReply =
  | {
      readonly is: 'ask';
      readonly about: string;
      readonly instructions: string;
      readonly prompts: readonly { readonly text: string; readonly echo: boolean }[];
    }
  | { readonly is: 'done'; readonly text: string }
  | { readonly is: 'failed'; readonly kind: string; readonly text: string };

/** A socket's path may have about a hundred bytes. */
const longest = 90;

/** Where the sockets of a state directory's workers are; only their owner may enter. */
export function socketDirectory(home: string): string {
  const inHome = join(home, 'sockets');
  if (Buffer.byteLength(inHome) <= longest) return inHome;
  const hash = createHash('sha256').update(home).digest('hex').slice(0, 16);
  return join(tmpdir(), `perdure-${String(userInfo().uid)}-${hash}`);
}
