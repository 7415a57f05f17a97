import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { withoutSecrets } from '../process/environment';
import { handleErrors } from '../process/handle-errors';
import type { Json } from '../study/json';
import { plainLine } from '../study/plain-text';
import { ModelError } from './model-error';

/** Bytes of an answer that are read. */
const longest = 1_000_000;
/** Time that a proposer has (milliseconds): it may call models itself. */
const patience = 30 * 60_000;

/**
 * Asks a proposer of the user's, in a process of its own: whatever it does, the worker goes on.
 * @param question plain JSON; see `ProposerQuestion`
 * @returns the answer as JSON text
 * @throws {@link ModelError} `refused` where there is no such file, `cut` where it throws, hangs or dies
 */
export async function askModule(path: string, question: object, signal: AbortSignal): Promise<string> {
  if (!existsSync(path))
    throw new ModelError('refused', `there is no file ${path} on the host of this worker`);
  const runner = join(__dirname, 'module-runner.mjs');
  // Since Node 22.18 types are left out without being asked.
  const words = ['--disable-warning=ExperimentalWarning', '--experimental-strip-types', runner, path];
  const child = handleErrors(
    spawn(process.execPath, words, {
      cwd: dirname(path),
      env: withoutSecrets(),
      stdio: ['pipe', 'ignore', 'pipe', 'pipe'],
      signal: AbortSignal.any([signal, AbortSignal.timeout(patience)]),
      killSignal: 'SIGKILL',
      // The types of `spawn` know of three streams only.
    }) as ChildProcessByStdio<Writable, null, Readable>,
  );
  child.stdin.end(JSON.stringify(question));
  // The fourth stream is a pipe, as asked for above.
  const answers = child.stdio[3] as Readable;
  const [reply, errors, end] = await Promise.all([
    textOf(answers, longest),
    textOf(child.stderr, 4_000),
    new Promise<string>((resolve) => {
      child.once('error', (error) => {
        resolve(error.name === 'AbortError' ? 'it was stopped, or took too long' : error.message);
      });
      child.once('close', (code, killed) => {
        resolve(`exit ${killed ?? String(code)}`);
      });
    }),
  ]);
  return answerOf(reply, errors, end);
}

function answerOf(reply: string, errors: string, end: string): string {
  let parsed: { readonly answer?: Json; readonly error?: string };
  try {
    parsed = JSON.parse(reply) as typeof parsed;
  } catch {
    throw new ModelError(
      'cut',
      `the proposer gave no answer (${end}): ${plainLine(errors.slice(-400), 300)}`,
    );
  }
  if (parsed.error !== undefined)
    throw new ModelError('cut', `the proposer failed: ${plainLine(parsed.error, 400)}`);
  return JSON.stringify(parsed.answer ?? null);
}

async function textOf(stream: Readable, most: number): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of stream) {
    const bytes = Buffer.from(part as Uint8Array);
    if (size < most) parts.push(bytes);
    size += bytes.length;
  }
  return Buffer.concat(parts).subarray(0, most).toString('utf8');
}
