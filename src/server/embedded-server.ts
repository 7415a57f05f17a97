import { createServer } from 'node:net';
import { once } from 'node:events';
import { basename, dirname, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Connection } from '@temporalio/client';
import { withCleanUp } from '../study/clean-up';
import { handleErrors } from '../process/handle-errors';
import { searchAttributes } from '../study/search-attributes';
import { PerdureError } from '../study/error';
import {
  readNotes,
  readProcess,
  startProcess,
  stopProcess,
  type BackgroundProcess,
} from './background-process';
import { homeFiles, withHomeLocked } from './home';
import { temporalProgram } from './temporal-program';

/** Where the embedded Temporal server is. */
export interface EmbeddedServer {
  /** `host:port` of its gRPC. */
  readonly address: string;
  /** Of Temporal UI. */
  readonly ui: string;
}

interface Ports {
  readonly port: number;
  readonly uiPort: number;
}

/**
 * How often a second the server looks into its queues of tasks to hand out and of timers that are due. Its own 20 make each step
 * of a workflow wait for its turn, 50 ms after 50 ms: an empty child with one activity takes 244 ms, and 30 ms with these.
 */
const queueReadsPerSecond = 200;
const queueReads = ['history.transferProcessorMaxPollRPS', 'history.timerProcessorMaxPollRPS'];

/** What is noted of it; the ports stay the same over restarts, so that a running worker finds it again. */
type Notes = EmbeddedServer & Ports;

/** Temporal's usual ports, taken where they are free. */
const usual: Ports = { port: 7233, uiPort: 8233 };
const stopGrace = 10_000;
/** How long a running server may take to answer, even on a busy machine (milliseconds). */
const answerTimeoutMs = 10_000;
/** How long one try to reach it may take (milliseconds). */
const connectTimeoutMs = 1000;

/** The embedded server of a state directory, if one was ever started there; it may be down. */
export function embeddedServer(home: string): EmbeddedServer | null {
  return readNotes(homeFiles(home).server) as Notes | null;
}

/** The same while its process runs. */
export function runningServer(home: string): EmbeddedServer | null {
  return readProcess<Notes>(homeFiles(home).server)?.notes ?? null;
}

/**
 * Starts the Temporal server of this state directory unless it runs. Its state is in a file there; it survives any kill.
 * @throws {@link PerdureError} `Unavailable` where it can't be started, or runs and does not answer
 */
export async function ensureServer(
  home: string,
  say: (line: string) => void = () => undefined,
): Promise<EmbeddedServer & { readonly started: boolean }> {
  return withHomeLocked(home, async () => {
    const files = homeFiles(home);
    const running = readProcess<Notes>(files.server);
    if (running !== null) {
      await mustAnswer(running, files.serverLog);
      return { ...running.notes, started: false };
    }
    const program = await temporalProgram(home, say);
    const before = readNotes(files.server) as Notes | null;
    const start = async (wished: Ports): Promise<Notes> => {
      const notes = await notesOf(wished);
      await startProcess({
        file: files.server,
        notes,
        log: files.serverLog,
        what: 'the Temporal server',
        command: [resolve(program), ...serverArguments(notes, basename(files.temporalDb))],
        // Temporal takes the file for a part of an address, in which '#', '?' and '%' mean something: its name has none.
        cwd: dirname(files.temporalDb),
        env: embeddedServerEnvironment(process.env),
        // Another server that took the port a moment before would answer as well; this one says when it has it.
        ready: async (logged) => /^(Temporal )?Server:\s/m.test(logged) && (await answers(notes.address)),
      });
      return notes;
    };
    // A port that was free a moment ago may have been taken since; the second try takes any.
    const notes = await start(before ?? usual).catch(() => start({ port: 0, uiPort: 0 }));
    return { ...notes, started: true };
  });
}

/** @returns `false` where it did not run */
export async function stopServer(home: string): Promise<boolean> {
  return withHomeLocked(home, () => stopProcess(homeFiles(home).server, stopGrace, { keepNotes: true }));
}

/** Without `TEMPORAL_*`: Temporal's program reads options from these variables, but they are meant for the user's own server. */
function embeddedServerEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('TEMPORAL_')));
}

function serverArguments({ port, uiPort }: Notes, database: string): readonly string[] {
  const attributes = Object.values(searchAttributes).map(
    ({ name, type }) => `--search-attribute=${name}=${typeName(type)}`,
  );
  return [
    ...['server', 'start-dev', '--ip', '127.0.0.1', '--port', String(port), '--ui-port', String(uiPort)],
    ...['--db-filename', database, '--log-level', 'warn', '--log-format', 'json'],
    // Twice as fast, and as safe against a kill; a lost power supply may cost the last moments.
    ...['--sqlite-pragma', 'journal_mode=WAL', '--sqlite-pragma', 'synchronous=NORMAL'],
    ...queueReads.flatMap((key) => ['--dynamic-config-value', `${key}=${String(queueReadsPerSecond)}`]),
    ...attributes,
  ];
}

function typeName(type: string): string {
  return type.charAt(0) + type.slice(1).toLowerCase();
}

async function notesOf(wished: Ports): Promise<Notes> {
  const port = await freePort(wished.port);
  const uiPort = await freePort(wished.uiPort, port);
  return { port, uiPort, address: `127.0.0.1:${String(port)}`, ui: `http://127.0.0.1:${String(uiPort)}` };
}

/** Waits for an answer: a running process may be stopped or hang. @throws {@link PerdureError} `Unavailable` */
async function mustAnswer({ identity, notes }: BackgroundProcess<Notes>, log: string): Promise<void> {
  const until = Date.now() + answerTimeoutMs;
  while (!(await answers(notes.address))) {
    if (Date.now() < until) {
      await sleep(200);
      continue;
    }
    throw new PerdureError(
      'Unavailable',
      `the Temporal server runs (process ${String(identity.pid)}), but does not answer at ${notes.address}`,
      { where: log, hint: 'restart it: perdure up --restart; studies and jobs go on' },
    );
  }
}

async function answers(address: string): Promise<boolean> {
  try {
    const connection = await Connection.connect({
      address,
      connectTimeout: connectTimeoutMs,
      // It is on loopback, which is never reached through a proxy.
      channelArgs: { 'grpc.enable_http_proxy': 0 },
    });
    return await withCleanUp(
      async () => {
        await connection.withDeadline(Date.now() + connectTimeoutMs, () =>
          connection.workflowService.describeNamespace({ namespace: 'default' }),
        );
        return true;
      },
      () => connection.close(),
    );
  } catch {
    // Not yet; the caller gives up after a while.
    return false;
  }
}

/** The wished port where it is free, else another one. */
async function freePort(wished: number, not?: number): Promise<number> {
  for (const port of wished === not ? [0] : [wished, 0]) {
    const server = handleErrors(createServer());
    try {
      server.listen(port, '127.0.0.1');
      await once(server, 'listening');
      const address = server.address();
      if (address !== null && typeof address !== 'string') return address.port;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    } finally {
      server.close();
    }
  }
  throw new Error('no port is free');
}
