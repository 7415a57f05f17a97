import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { PerdureError } from '../../src/study/error';
import { quote } from '../../src/transports/quote';
import { asCommand, runScript } from '../../src/transports/shell-script';
import type { Transport } from '../../src/transports/transport';
import { until } from './installation';

export interface TransportUnderTest {
  readonly transport: Transport;
  /** A folder that the other side's user may write, which is on this machine too. */
  readonly folder: string;
  /** Whether a command that is past its deadline, or whose stream is aborted, is signalled there. */
  readonly signals: boolean;
  /** What login files say on standard output comes with every command's. */
  readonly noisy: boolean;
}

const timeoutMs = 20_000;
const text = (bytes: Uint8Array | null): string => Buffer.from(bytes ?? []).toString('utf8');

/** Words and names that a shell, csh, ssh or a program might take for something else. */
export const hostile: readonly string[] = [
  'plain',
  'two words',
  "it's",
  '"quoted"',
  '$(touch pwned)',
  '`touch pwned`',
  '$HOME',
  'wow!!',
  '!$',
  'back\\slash\\n',
  'new\nline',
  'trailing\n',
  '\ttab',
  '-n',
  '--help',
  '*',
  '~',
  '~root',
  '#hash',
  'a;b&c|d>e',
  'perc%s%%n',
  'üñí 🚀',
  '{a,b}',
  '[x]?',
];
const hostileNames = [...hostile, '.hidden', '..double', 'x'.repeat(255)];

/** What every transport does, whatever the other side is. */
export function transportSuite(under: () => TransportUnderTest): void {
  const run = async (command: string, input?: string | Uint8Array) =>
    under().transport.run(command, { timeoutMs, input });
  const path = (...names: readonly string[]): string => join(under().folder, ...names);
  /** One that the other side's user may write too. */
  const folderNamed = (name: string): string => {
    mkdirSync(path(name), { recursive: true });
    chmodSync(path(name), 0o777);
    return path(name);
  };
  /** Whether a process runs; a zombie does not. */
  const runs = (pid: string): boolean =>
    existsSync(`/proc/${pid.trim()}/cmdline`) && readFileSync(`/proc/${pid.trim()}/cmdline`, 'utf8') !== '';

  describe('commands', () => {
    test('hostile words arrive as they are, in a command and in a script', async () => {
      const printing = `printf '<%s>' ${hostile.map(quote).join(' ')}`;
      const expected = hostile.map((word) => `<${word}>`).join('');
      expect(text((await run(printing)).stdout)).toContain(expected);
      const scripted = await runScript(under().transport, { script: printing }, { timeoutMs });
      expect(text(scripted.stdout)).toBe(expected);
      expect(existsSync(path('pwned'))).toBe(false);
    });

    test('three megabytes of every byte go in and come out as they were', async () => {
      const bytes = randomBytes(3_000_000);
      const { stdout, status } = await runScript(
        under().transport,
        { script: 'cat', input: bytes },
        { timeoutMs },
      );
      expect(status).toBe(0);
      expect(Buffer.compare(bytes, stdout)).toBe(0);
    });

    test('a script finds as its input what was meant for it, whatever its own length', async () => {
      for (const script of ['cat', `# ${'ü'.repeat(5000)}\ncat`]) {
        const { stdout } = await runScript(under().transport, { script, input: 'line\n' }, { timeoutMs });
        expect(text(stdout)).toBe('line\n');
      }
    });

    test('without input a command finds it empty, and need not read what it is given', async () => {
      expect((await run('cat')).status).toBe(0);
      expect((await run('exit 4', randomBytes(500_000))).status).toBe(4);
    });

    test.each([0, 1, 3, 127, 254, 255])('status %i', async (status) => {
      expect((await run(`exit ${String(status)}`)).status).toBe(status);
    });

    test('a command that a signal ended has 128 and the number', async () => {
      expect((await run(`/bin/sh -c 'kill -9 $$'`)).status).toBe(137);
      expect((await run('kill -TERM $$; sleep 60')).status).toBe(143);
    });

    test('standard error is apart, and its last 64 KiB are kept', async () => {
      const { stdout, stderr } = await run(
        `echo out; awk 'BEGIN { for (i = 0; i < 30000; i++) print "line", i }' >&2`,
      );
      expect(text(stdout)).toContain('out');
      expect(text(stdout)).not.toContain('line');
      expect(stderr).toContain('line 29999');
      expect(stderr).not.toContain('line 1\n');
      expect(Buffer.byteLength(stderr)).toBeLessThanOrEqual(64 * 1024);
    });

    test('more output than allowed ends the command', async () => {
      const answer = under().transport.run('yes', { timeoutMs, maxBytes: 1_000_000 });
      await expect(answer).rejects.toMatchObject({
        kind: 'Unavailable',
        message: expect.stringContaining('more than 1000000 bytes') as string,
      });
    });

    test('a command past its deadline is Unavailable, and is ended there too', async () => {
      const began = Date.now();
      const pid = path('deadline.pid');
      const slow = under().transport.run(`echo $$ >${quote(pid)}; sleep 300 & wait`, { timeoutMs: 5000 });
      await expect(slow).rejects.toMatchObject({
        kind: 'Unavailable',
        message: expect.stringMatching(/no answer within 5 s/) as string,
      });
      expect(Date.now() - began).toBeLessThan(8500);
      expect(Number(readFileSync(pid, 'utf8'))).toBeGreaterThan(1);
      if (under().signals) await until('it is ended', () => !runs(readFileSync(pid, 'utf8')));
      else process.kill(Number(readFileSync(pid, 'utf8')), 'SIGKILL');
    });

    test('twenty commands at once each get their own answer', async () => {
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, i) =>
          runScript(
            under().transport,
            { script: `sleep 0.0${String(i % 7)}; echo ${String(i)}` },
            { timeoutMs },
          ),
        ),
      );
      expect(answers.map(({ stdout }) => text(stdout).trim())).toEqual(answers.map((_, i) => String(i)));
    });
  });

  describe('files', () => {
    test.each(hostileNames)('a file named %j is put, got and listed', async (name) => {
      const { transport } = under();
      const folder = folderNamed('named');
      await transport.put(join(folder, name), Buffer.from(`content of ${name}`), { timeoutMs });
      expect(text(await transport.get(join(folder, name), { timeoutMs, maxBytes: 1000 }))).toBe(
        `content of ${name}`,
      );
      expect(await transport.list(folder, { timeoutMs })).toContain(name);
      expect(readdirSync(folder)).toContain(name);
    });

    test('a listing has every name once, sorted, and nothing that is not there', async () => {
      const folder = path('listed');
      mkdirSync(folder);
      for (const name of hostileNames) writeFileSync(join(folder, name), '');
      mkdirSync(join(folder, 'folder'));
      writeFileSync(join(folder, 'folder', 'inner'), '');
      expect(await under().transport.list(folder, { timeoutMs })).toEqual([...hostileNames, 'folder'].sort());
      expect(await under().transport.list(join(folder, 'folder', 'none'), { timeoutMs })).toBeNull();
      mkdirSync(path('empty'));
      expect(await under().transport.list(path('empty'), { timeoutMs })).toEqual([]);
    });

    test('a file of any size and content comes back, whole and in parts', async () => {
      const { transport } = under();
      const bytes = randomBytes(3_000_000);
      await transport.put(path('big'), bytes, { timeoutMs });
      const got = await transport.get(path('big'), { timeoutMs, maxBytes: 4_000_000 });
      expect(Buffer.compare(bytes, got!)).toBe(0);
      const part = await transport.get(path('big'), { timeoutMs, from: 1_234_567, maxBytes: 1000 });
      expect(Buffer.compare(bytes.subarray(1_234_567, 1_235_567), part!)).toBe(0);
      expect(await transport.get(path('big'), { timeoutMs, from: 3_000_000, maxBytes: 10 })).toHaveLength(0);
      await transport.put(path('nothing'), Buffer.alloc(0), { timeoutMs });
      expect(await transport.get(path('nothing'), { timeoutMs, maxBytes: 10 })).toHaveLength(0);
    });

    test('a file that is not there is null; one that can not be read is an error', async () => {
      const { transport } = under();
      const get = async (file: string) => transport.get(file, { timeoutMs, maxBytes: 10 });
      expect(await get(path('absent'))).toBeNull();
      expect(await get(path('absent', 'deeper'))).toBeNull();
      expect(await get(path('big', 'below a file'))).toBeNull();
      expect(await get(path('absent: No such file or directory'))).toBeNull();
      await expect(get(under().folder)).rejects.toMatchObject({ kind: 'Unavailable' });
      await expect(get('/dev/zero')).rejects.toMatchObject({ kind: 'Unavailable' });
    });

    test('a put file has its mode, replaces what was there, and leaves nothing beside it', async () => {
      const { transport } = under();
      const folder = folderNamed('modes');
      await transport.put(join(folder, 'a'), Buffer.from('old'), { timeoutMs, mode: 0o755 });
      expect(statSync(join(folder, 'a')).mode & 0o777).toBe(0o755);
      await transport.put(join(folder, 'a'), Buffer.from('new'), { timeoutMs });
      expect(statSync(join(folder, 'a')).mode & 0o777).toBe(0o600);
      expect(readFileSync(join(folder, 'a'), 'utf8')).toBe('new');
      expect(readdirSync(folder)).toEqual(['a']);
    });

    test('a file can not be put where no directory is, nor in place of one', async () => {
      const put = under().transport.put(path('no folder', 'a'), Buffer.from('x'), { timeoutMs });
      await expect(put).rejects.toMatchObject({ kind: 'Unavailable' });
      folderNamed('a folder');
      const over = under().transport.put(path('a folder'), Buffer.from('x'), { timeoutMs });
      await expect(over).rejects.toMatchObject({ kind: 'Unavailable' });
      expect(readdirSync(path('a folder'))).toEqual([]);
    });
  });

  describe('streams', () => {
    test('lines come one by one as they are written, and the last one without an end', async () => {
      const lines: string[] = [];
      const { command, input } = asCommand({
        script: `echo started; while [ ! -e ${quote(path('go'))} ]; do sleep 0.02; done; printf 'ü\\n\\nlast'`,
      });
      const stream = under().transport.stream(command, {
        input: Buffer.from(input).toString('utf8'),
        signal: new AbortController().signal,
        onLine: (line) => lines.push(line),
      });
      await until('the first line is there', () => lines.some((line) => line.endsWith('started')));
      writeFileSync(path('go'), '');
      await stream;
      expect(
        lines
          .slice(lines.findIndex((line) => line.endsWith('started')) + 1, under().noisy ? -1 : undefined)
          .slice(0, 2),
      ).toEqual(['ü', '']);
      expect(lines.at(-1)).toMatch(under().noisy ? /^last/ : /^last$/);
    });

    test('an abort closes the input of the command, signals it where that can be done, and resolves', async () => {
      const abort = new AbortController();
      const lines: string[] = [];
      // One that ends with its input, and where signals arrive, one that does not look.
      const wait = under().signals ? 'sleep 300' : 'cat';
      const stream = under().transport.stream(`echo "pid $$"; exec ${wait}`, {
        signal: abort.signal,
        onLine: (line) => lines.push(line),
      });
      await until('it runs', () => lines.some((line) => line.includes('pid ')));
      const pid = /pid (\d+)/.exec(lines.join('\n'))![1]!;
      expect(runs(pid)).toBe(true);
      abort.abort();
      await stream;
      await until('it is ended', () => !runs(pid));
    });

    test('a stream that is aborted before it begins starts nothing', async () => {
      await under().transport.stream(`touch ${quote(path('started'))}`, {
        signal: AbortSignal.abort(),
        onLine: () => {},
      });
      expect(existsSync(path('started'))).toBe(false);
    });
  });

  test('close ends what runs, and nothing runs after it', async () => {
    const { transport } = under();
    const running = transport.run(`touch ${quote(path('running'))}; sleep 300`, { timeoutMs: 60_000 });
    const outcome = running.then(
      () => null,
      (error: unknown) => error as PerdureError,
    );
    await until('it runs', () => existsSync(path('running')));
    await transport.close();
    expect(await outcome).toMatchObject({ kind: 'Unavailable' });
    await expect(transport.run('true', { timeoutMs })).rejects.toMatchObject({ kind: 'Unavailable' });
  });
}
