import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import workerThreads, { Worker } from 'node:worker_threads';
import { Client } from 'pg';
import { openLedger } from '../../src/storage';
import { Installation, until } from '../support/installation';
import { KilledStudy } from '../support/killed-study';
import { postgresAvailable, startPostgres, type PostgresServer } from '../support/postgres';
import { studySpec } from '../support/study-spec';

/* The ledger goes away while it is used: restarted, locked, full. Nothing fails of it, and nothing is done twice. */

/** As the build made it, for processes of their own. */
const storage = resolve(__dirname, '..', '..', 'dist', 'storage');

const installations: Installation[] = [];
afterAll(async () => {
  for (const installation of installations) {
    await installation.must('down').catch(() => undefined);
    await installation.destroy();
  }
});

async function install(storage?: string): Promise<Installation> {
  const installation = new Installation(storage === undefined ? {} : { storage });
  installations.push(installation);
  await installation.must('up');
  return installation;
}

describe(postgresAvailable() ? 'PostgreSQL' : 'skipped: needs PostgreSQL', () => {
  const whenPostgres = postgresAvailable() ? test : test.skip;
  let postgres: PostgresServer;
  beforeAll(async () => {
    if (postgresAvailable()) postgres = await startPostgres();
  });
  afterAll(() => {
    if (postgresAvailable()) postgres.stop();
  });

  whenPostgres(
    'a connection that breaks within a transaction is said so, and the next one works',
    async () => {
      const url = postgres.createDatabase();
      const ledger = await openLedger(url);
      const spec = studySpec();
      await ledger.createStudy({ uuid: 'u', seed: 1, fileHash: 'f', spec });
      const other = new Client(url);
      await other.connect();
      await other.query('BEGIN');
      await other.query('SELECT * FROM studies FOR UPDATE');
      const writing = ledger.setStudyAttrs(spec.name, { a: 1 }).catch((error: unknown) => error);
      const waiting = "FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
      await until('it waits', async () => (await other.query(`SELECT 1 ${waiting}`)).rowCount === 1);
      await other.query(`SELECT pg_terminate_backend(pid) ${waiting}`);
      expect(await writing).toMatchObject({
        kind: 'Unavailable',
        message: expect.stringContaining('the ledger does not answer') as string,
      });
      await other.query('ROLLBACK');
      await other.end();
      await ledger.setStudyAttrs(spec.name, { a: 2 });
      expect((await ledger.findStudy(spec.name))?.attrs).toMatchObject({ a: 2 });
      await ledger.close();
    },
  );

  whenPostgres('a worker that is stopped within a transaction blocks the others for seconds', async () => {
    const url = postgres.createDatabase();
    const spec = studySpec();
    const ledger = await openLedger(url);
    await ledger.createStudy({ uuid: 'u', seed: 1, fileHash: 'f', spec });
    const stopped = stoppedInCommit(url, spec.name);
    try {
      await until('it is stopped', () => isStopped(stopped.pid));
      const others = ledger.commitProposals(spec.name, [{ key: 'other', params: {}, distributions: {} }]);
      const limit = sleep(25_000, 'blocked', { ref: false });
      expect(await Promise.race([others, limit])).toMatchObject([{ key: 'other', number: 0 }]);
      process.kill(stopped.pid, 'SIGCONT');
      expect(await stopped.said).toEqual(['Unavailable', '1']);
      expect(await ledger.proposedNumbers(spec.name)).toEqual([0, 1]);
    } finally {
      stopped.kill();
      await ledger.close();
    }
  });

  whenPostgres(
    'a server that hangs is said so within a deadline, and works again when it goes on',
    async () => {
      const url = postgres.createDatabase();
      const spec = studySpec();
      const ledger = await openLedger(url, { queryTimeoutMs: 2_000 });
      await ledger.createStudy({ uuid: 'u', seed: 1, fileHash: 'f', spec });
      const limit = sleep(30_000, 'no answer', { ref: false });
      postgres.pause();
      try {
        // Each of them begins on a connection that hangs, and the last on a new one.
        const all = Promise.allSettled([
          ledger.setStudyAttrs(spec.name, { a: 1 }),
          ledger.findStudy(spec.name),
          openLedger(url),
        ]);
        const unavailable = {
          status: 'rejected',
          reason: expect.objectContaining({ kind: 'Unavailable' }) as Error,
        };
        expect(await Promise.race([all, limit])).toEqual([unavailable, unavailable, unavailable]);
      } finally {
        postgres.resume();
      }
      await ledger.setStudyAttrs(spec.name, { a: 2 });
      expect(await ledger.findStudy(spec.name)).toMatchObject({ attrs: { a: 2 } });
      await ledger.close();
    },
  );

  whenPostgres('a study goes on when its server is started anew, with the same worker', async () => {
    const installation = await install(postgres.createDatabase());
    const study = await KilledStudy.start(installation, 'restarted', 40, 1);
    for (const ended of [3, 12, 21, 30]) {
      await until(`${String(ended)} have ended`, () => study.ended() >= ended);
      postgres.restart();
    }
    expect(await study.problems()).toEqual([]);
    expect(installation.workerRuns()).toBe(true);
  });
});

/** A process of its own that stops itself once it has inserted a proposal, before it commits; then it proposes again. */
function stoppedInCommit(url: string, study: string): { pid: number; said: Promise<string[]>; kill(): void } {
  const script = `
    const { Client } = require('pg');
    const { openLedger } = require(${JSON.stringify(storage)});
    const query = Client.prototype.query;
    let stops = 1;
    Client.prototype.query = async function (...args) {
      const answer = await query.apply(this, args);
      if (/insert into "perdure_keys"/.test(args[0]) && stops-- > 0) process.kill(process.pid, 'SIGSTOP');
      return answer;
    };
    const [url, study] = process.argv.slice(1);
    const proposals = [{ key: 'stopped', params: {}, distributions: {} }];
    openLedger(url).then(async (ledger) => {
      const error = await ledger.commitProposals(study, proposals).catch((reason) => reason);
      console.log(error.kind ?? String(error));
      const [{ number }] = await ledger.commitProposals(study, proposals);
      console.log(number);
      await ledger.close();
    });`;
  const child = spawn(process.execPath, ['-e', script, url, study], {
    cwd: resolve(__dirname, '..', '..'),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (child.pid === undefined) throw new Error('no process');
  const said = text(child.stdout).then((output) => output.trim().split('\n'));
  return { pid: child.pid, said, kill: () => child.kill('SIGKILL') };
}

function isStopped(pid: number): boolean {
  return /^\d+ \(.*\) T /.test(readFileSync(`/proc/${String(pid)}/stat`, 'utf8'));
}

test("a thread that dies with SQLite's connection is said so, and the next one works", async () => {
  const folder = mkdtempSync(join(tmpdir(), 'perdure-ledger-'));
  const threads: Worker[] = [];
  const Thread = Worker;
  const starts = jest.spyOn(workerThreads, 'Worker').mockImplementation((...args) => {
    const thread = new Thread(...args);
    threads.push(thread);
    return thread;
  });
  const ledger = await openLedger(`sqlite:///${join(folder, 'ledger.db')}`);
  try {
    const spec = studySpec();
    await ledger.createStudy({ uuid: 'u', seed: 1, fileHash: 'f', spec });
    const lock = new DatabaseSync(join(folder, 'ledger.db'));
    lock.exec('BEGIN IMMEDIATE');
    const writing = ledger.setStudyAttrs(spec.name, { a: 1 }).catch((error: unknown) => error);
    expect(threads).toHaveLength(1);
    await threads[0]?.terminate();
    lock.close();
    expect(await writing).toMatchObject({ kind: 'Unavailable' });
    await ledger.setStudyAttrs(spec.name, { a: 2 });
    expect(await ledger.findStudy(spec.name)).toMatchObject({ attrs: { a: 2 } });
    expect(threads).toHaveLength(2);
  } finally {
    starts.mockRestore();
    await ledger.close();
    rmSync(folder, { recursive: true, force: true });
  }
});

test('a full disk is said so, and what fits afterwards is written', () => {
  const folder = mkdtempSync(join(tmpdir(), 'perdure-full-'));
  const script = `
    const { openLedger } = require(${JSON.stringify(storage)});
    const put = (ledger, name, size) => ledger.putFile(name, new Uint8Array(size)).then(() => 'kept', (error) => error.kind + ': ' + error.message);
    openLedger(${JSON.stringify(`sqlite:///${folder}/ledger.db`)}).then(async (ledger) => {
      console.log(await put(ledger, 'large', 1_000_000));
      console.log(await put(ledger, 'small', 10));
      await ledger.close();
    });`;
  // No file may have more than so many blocks; SIGXFSZ would end the process.
  const limited = 'trap "" XFSZ; ulimit -f 600; exec "$0" -e "$1"';
  try {
    const said = execFileSync('bash', ['-c', limited, process.execPath, script], { encoding: 'utf8' });
    expect(said.split('\n')).toEqual([
      expect.stringMatching(/^Unavailable: the ledger's file can't be written: /) as string,
      'kept',
      '',
    ]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('a study waits while another process holds the lock of its ledger for long', async () => {
  const installation = await install();
  const study = await KilledStudy.start(installation, 'locked', 20, 1);
  await until('some have ended', () => study.ended() >= 4);
  const db = new DatabaseSync(`${installation.home}/ledger.db`, { timeout: 20_000 });
  db.exec('BEGIN EXCLUSIVE');
  // Longer than two attempts wait for the lock (10 s each), and than two workflow tasks last.
  await sleep(25_000);
  db.exec('ROLLBACK');
  db.close();
  expect(await study.problems()).toEqual([]);
});
