import { randomBytes } from 'node:crypto';
import { deflateSync, inflateSync } from 'node:zlib';
import { PerdureError } from '../../study/error';
import { quote } from '../../transports/quote';
import { getFile, listDirectory, putFile } from '../../transports/shell-files';
import { runScript } from '../../transports/shell-script';
import type { PutOptions, RunOptions, RunResult, Transport } from '../../transports/transport';
import { atHome, belowHome } from './home-directory';
import type { TaskBoard } from './task-board';

/** Bytes that one task brings or takes away, before they are packed. */
const portion = 2 ** 21;
const mostAnswer = 8 * 2 ** 20;

/**
 * A way to a site's files by small tasks: each waits for a worker of the endpoint to be free, and where that takes too long, nobody
 * knows whether it will be carried out.
 */
export function createTaskTransport(site: string, board: TaskBoard): Transport {
  const description = `an endpoint's worker`;
  const run = async (command: string, { input = '', timeoutMs }: RunOptions): Promise<RunResult> => {
    const answer = await board.call(
      {
        do: 'shell',
        key: '',
        command,
        input: deflateSync(Buffer.from(typeof input === 'string' ? atHome(input) : input)).toString('base64'),
        limit: Math.ceil(timeoutMs / 1000),
        most: mostAnswer,
      },
      timeoutMs,
    );
    const { status, stdout, stderr } = answer;
    if (typeof status !== 'number' || typeof stdout !== 'string') {
      const why =
        answer['late'] === true ? 'a command took too long' : 'the answer of a command is too large';
      throw new PerdureError('Unavailable', why, { where: `site ${site}` });
    }
    return {
      status,
      stdout: inflateSync(Buffer.from(stdout, 'base64')),
      stderr: typeof stderr === 'string' ? stderr : '',
    };
  };
  const transport: Transport = {
    description,
    run,
    stream: () =>
      Promise.reject(
        new PerdureError('Unavailable', 'a task can not be listened to', { where: `site ${site}` }),
      ),
    put: (path, bytes, options) => putPortions(transport, belowHome(path), bytes, options),
    get: (path, options) => getFile(transport, belowHome(path), options),
    list: (path, options) => listDirectory(transport, belowHome(path), options),
    close: () => Promise.resolve(),
  };
  return transport;
}

/** A large file goes by several tasks, to a name beside its own, and takes its place when it is whole. */
async function putPortions(
  transport: Transport,
  path: string,
  bytes: Uint8Array,
  options: PutOptions,
): Promise<void> {
  if (bytes.length <= portion) {
    await putFile(transport, path, bytes, options);
    return;
  }
  const part = `${path}.${randomBytes(8).toString('hex')}.tmp`;
  for (let at = 0; at < bytes.length; at += portion) {
    const some = bytes.subarray(at, at + portion);
    // One that was carried out after all, though nobody had an answer, is not carried out again.
    const script = `umask 077
p=${quote(part)}
[ ${String(at)} -eq 0 ] && : >"$p"
[ "$(($(wc -c <"$p")))" -eq ${String(at)} ] && cat >>"$p" && [ "$(($(wc -c <"$p")))" -eq ${String(at + some.length)} ]`;
    await step(transport, path, script, some, options);
  }
  const mode = (options.mode ?? 0o600).toString(8);
  await step(
    transport,
    path,
    `chmod ${mode} ${quote(part)} && mv -f ${quote(part)} ${quote(path)}`,
    '',
    options,
  );
}

async function step(
  transport: Transport,
  path: string,
  script: string,
  input: string | Uint8Array,
  { timeoutMs }: PutOptions,
): Promise<void> {
  const { status, stderr } = await runScript(transport, { script, input }, { timeoutMs });
  if (status === 0) return;
  throw new PerdureError('Unavailable', `can't write ${path}: ${stderr.trim()}`, {
    where: transport.description,
  });
}
