import { createHash } from 'node:crypto';
import type { Full, JobKey, JobRequest } from '../../src/schedulers/scheduler';
import type { Params } from '../../src/study/space';

/** A job in a few words; plain JSON, so that another process can be told of it. */
export interface FakeJob {
  readonly number?: number;
  readonly attempt?: number;
  /** Words of a command. Absent: the function `train` of `train.py`. */
  readonly command?: readonly string[];
  /** Text by path. */
  readonly files?: Readonly<Record<string, string>>;
  readonly executable?: readonly string[];
  readonly params?: Params;
  readonly env?: Readonly<Record<string, string>>;
  readonly python?: string;
  /** Absent: `value`. */
  readonly metrics?: readonly string[];
}

/** Any UUID's key; the sites of tests are their own. */
const study = '0123456789abcdef';

export function keyOf({ number = 0, attempt = 1 }: FakeJob = {}): JobKey {
  return { studyKey: study, number, attempt };
}

/** The job as a scheduler is asked for it. */
export function requestOf(job: FakeJob): JobRequest {
  const { command, files = {}, executable = [], params = {}, env = {}, python = 'python3' } = job;
  const texts = new Map(Object.values(files).map((text) => [sha256(text), text]));
  return {
    key: keyOf(job),
    trial: {
      program:
        command === undefined
          ? { kind: 'function', file: 'train.py', name: 'train' }
          : { kind: 'command', argv: command },
      files: Object.entries(files).map(([path, text]) => ({
        path,
        sha256: sha256(text),
        size: Buffer.byteLength(text),
        executable: executable.includes(path),
      })),
      python,
      env,
      timeout: null,
      retries: 0,
    },
    params,
    metrics: job.metrics ?? ['value'],
    readFile: (hash) => Promise.resolve(Buffer.from(texts.get(hash) ?? '')),
  };
}

/** What a submission gave, where the site had room. */
export function idOf(submitted: string | Full): string {
  if (typeof submitted === 'string') return submitted;
  throw new Error(submitted.full);
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
