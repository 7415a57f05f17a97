import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

const environment = resolve(__dirname, '..', '..', '..', '.venv', 'globus');
/** Programs of Globus' own, as `scripts/setup.sh test` installs them. */
export const globusBin = join(environment, 'bin');

/** `true` where Globus' own SDK and endpoint daemon are installed. */
export function globusSdkAvailable(): boolean {
  return existsSync(join(globusBin, 'globus-compute-endpoint'));
}

/**
 * Runs a script with Globus' SDK, and reads the last line that it prints as JSON.
 * @throws with all that it said, where it fails
 */
export async function runPython(
  script: string,
  env: Readonly<Record<string, string>>,
  { input = '', timeoutMs = 120_000 }: { readonly input?: string; readonly timeoutMs?: number } = {},
): Promise<unknown> {
  const child = spawn(join(globusBin, 'python'), ['-c', script], {
    env: { ...process.env, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
  });
  child.stdin.end(input);
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name].on('data', (part: Buffer) => {
      said[name] += part.toString('utf8');
    });
  const code = await new Promise<number | null>((done, failed) =>
    child.once('close', done).once('error', failed),
  );
  if (code !== 0) throw new Error(`the script ended with ${String(code)}:\n${said.stderr}${said.stdout}`);
  return JSON.parse(said.stdout.trimEnd().split('\n').at(-1) ?? '') as unknown;
}
