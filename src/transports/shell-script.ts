import { randomBytes } from 'node:crypto';
import { PerdureError } from '../study/error';
import type { RunOptions, RunResult, Transport } from './transport';

/** A script for a POSIX shell and what its standard input holds. */
export interface Script {
  readonly script: string;
  readonly input?: string | Uint8Array;
}

/**
 * The only word that a login shell gets to see: no newline, `!` or backslash, which csh and fish read in their own ways even
 * between single quotes. The script comes through standard input, behind its length in bytes; `read` and `dd bs=1` take no byte
 * too many, so what follows is the script's own standard input.
 */
export const reader = `exec /bin/sh -c 'IFS= read -r n && s=$(dd bs=1 count="$n" 2>/dev/null) && unset n && eval "$s"'`;

/** Command and input that make {@link Transport.run} or {@link Transport.stream} run a script, whatever is in it. */
export function asCommand({ script, input = '' }: Script): {
  readonly command: string;
  readonly input: Uint8Array;
} {
  const text = Buffer.from(script, 'utf8');
  return {
    command: reader,
    input: Buffer.concat([Buffer.from(`${String(text.length)}\n`), text, Buffer.from(input)]),
  };
}

/**
 * Runs a script and gives what *it* wrote and its status: what login files print before or after it on standard output is
 * cut off. Twice as sure as {@link Transport.run}: an answer that was cut short is `Unavailable`, never a shorter answer.
 */
export async function runScript(
  transport: Pick<Transport, 'run' | 'description'>,
  { script, input }: Script,
  options: Omit<RunOptions, 'input'>,
): Promise<RunResult> {
  const mark = `perdure-${randomBytes(16).toString('hex')}`;
  const framed = `printf '%s\\n' ${mark}\n(\n${script}\n)\nprintf '%s %s\\n' ${mark} "$?"`;
  const { command, input: whole } = asCommand({ script: framed, input });
  const result = await transport.run(command, { ...options, input: whole });
  const all = Buffer.from(result.stdout);
  const start = all.indexOf(`${mark}\n`);
  const end = all.lastIndexOf(`${mark} `);
  const [, status] = /^(\d+)\n/.exec(all.subarray(end + mark.length + 1).toString('latin1')) ?? [];
  if (start < 0 || end < start || status === undefined) {
    const said = result.stderr.trim().split('\n').at(-1) ?? '';
    throw new PerdureError(
      'Unavailable',
      `the answer came incomplete (status ${String(result.status)}${said === '' ? '' : `, ${said}`})`,
      { where: transport.description },
    );
  }
  return {
    status: Number(status),
    stdout: all.subarray(start + mark.length + 1, end),
    stderr: result.stderr,
  };
}
