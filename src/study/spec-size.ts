import type { Problem } from './problem';
import type { StudySpec } from './spec';

/** Bytes of a specification as JSON: Temporal carries 2 MiB at a time, and a study that goes on takes its running trials along. */
export const maxSpecBytes = 1.5 * 2 ** 20;

/** What is wrong with a study that Temporal would not carry, at the largest part of it. */
export function checkSize(spec: StudySpec): readonly Problem[] {
  const total = bytesOf(spec);
  if (total <= maxSpecBytes) return [];
  const parts = [
    {
      path: ['enqueue'],
      bytes: bytesOf(spec.enqueue),
      hint: 'leave most of them out, and give them while it runs: perdure enqueue STUDY JSON',
    },
    {
      path: ['space'],
      bytes: bytesOf(spec.space),
      hint: 'give long choices short names, and look them up in the script',
    },
    {
      path: ['trial', 'files'],
      bytes: bytesOf(spec.trial.files),
      hint: 'pack them into one archive, and unpack it in the script or in `prepare`',
    },
  ].sort((a, b) => b.bytes - a.bytes);
  const [{ path, bytes, hint } = { path: [], bytes: total, hint: 'make it shorter' }] = parts;
  const message = `the study is too large: ${kib(total)} without its files' contents, ${kib(bytes)} of it here; ${kib(maxSpecBytes)} is the most`;
  return [{ path, message, hint }];
}

function bytesOf(value: unknown): number {
  return new TextEncoder().encode(JSON.stringify(value)).length;
}

function kib(bytes: number): string {
  return `${String(Math.ceil(bytes / 1024))} KiB`;
}
