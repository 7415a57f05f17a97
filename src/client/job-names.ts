import { randomBytes } from 'node:crypto';
import { basename, extname } from 'node:path';
import type { Program } from '../study/spec';

/** A name for a job that was given none: what it runs, and something that no other has. */
export function newJobName(program: Program): string {
  const file = program.kind === 'function' ? program.file : (program.argv[0] ?? 'job');
  return `${plainName(basename(file, extname(file)))}-${randomBytes(4).toString('hex')}`;
}

/** Made of what names of jobs may have, 60 characters at most. */
export function plainName(text: string): string {
  const plain = text.replaceAll(/[^A-Za-z0-9._-]+/g, '-').replace(/^[^A-Za-z0-9]+/, '');
  return plain === '' ? 'job' : plain.slice(0, 60);
}
