'use strict';
/*
 * The thread that owns a SQLite connection, so that no query holds up the event loop. Plain JavaScript, since a thread is
 * started from a file as it is. It answers each message in order.
 */
const { parentPort, workerData } = require('node:worker_threads');
const { statSync } = require('node:fs');
const { DatabaseSync } = require('node:sqlite');
const { pathToFileURL } = require('node:url');

/** @typedef {{ id: number, sql: string, parameters: (null | number | bigint | string | Uint8Array)[], begin: boolean }} Request */

/** @type {import('node:sqlite').DatabaseSync | undefined} */
let database;
/** @type {Map<string, import('node:sqlite').StatementSync>} */
const statements = new Map();
/** Statements kept prepared; queries with lists differ in length, so the number is bounded. */
const most = 500;

/** @param {string} sql */
function prepare(sql) {
  const known = statements.get(sql);
  if (known !== undefined) return known;
  if (statements.size >= most) statements.clear();
  if (database === undefined) throw new Error('the database is closed');
  const statement = database.prepare(sql);
  statements.set(sql, statement);
  return statement;
}

/**
 * SQLite does not wait for a lock here, though it was told to: two that open a new file at once would fail.
 * @param {import('node:sqlite').DatabaseSync} opened
 */
function useWriteAheadLog(opened) {
  const until = Date.now() + workerData.busyTimeout;
  for (;;) {
    try {
      opened.exec('PRAGMA journal_mode = WAL');
      return;
    } catch (error) {
      const { errcode = 0 } = /** @type {{ errcode?: number }} */ (error);
      // The low byte is SQLITE_BUSY, whatever kind of it.
      if ((errcode & 0xff) !== 5 || Date.now() > until) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}

/** Whether the database was opened as immutable; see `openReadOnly`. */
let immutable = false;

/**
 * In write-ahead mode, SQLite needs two files beside the ledger and creates missing ones, even for a reader. If it has no permission
 * to, and there is no write-ahead log, the ledger's file is complete and is opened as `immutable`. The database is then closed after
 * each query, because another process may change the file between two queries.
 * @returns {import('node:sqlite').DatabaseSync}
 */
function openReadOnly() {
  const { path, busyTimeout } = workerData;
  const opened = new DatabaseSync(path, { readOnly: true, timeout: busyTimeout });
  try {
    opened.prepare('SELECT 1 FROM sqlite_master').all();
    return opened;
  } catch (error) {
    opened.close();
    const { errcode = 0 } = /** @type {{ errcode?: number }} */ (error);
    // The low byte is SQLITE_READONLY or SQLITE_CANTOPEN.
    const refused = (errcode & 0xff) === 8 || (errcode & 0xff) === 14;
    const log = statSync(`${path}-wal`, { throwIfNoEntry: false });
    if (!refused || (log !== undefined && log.size > 0)) throw error;
  }
  immutable = true;
  const address = pathToFileURL(path);
  address.searchParams.set('immutable', '1');
  return new DatabaseSync(address, { readOnly: true });
}

/** @returns {import('node:sqlite').DatabaseSync} */
function openToWrite() {
  const opened = new DatabaseSync(workerData.path, {
    timeout: workerData.busyTimeout,
    enableForeignKeyConstraints: true,
  });
  useWriteAheadLog(opened);
  // Temporal goes on from what it was told is written, so that has to outlive a loss of power too.
  opened.exec('PRAGMA synchronous = FULL');
  return opened;
}

function open() {
  if (database === undefined) database = workerData.readOnly ? openReadOnly() : openToWrite();
}

function close() {
  database?.close();
  database = undefined;
  statements.clear();
}

/** @param {Request} request */
function answer({ sql, parameters }) {
  const statement = prepare(sql);
  if (statement.columns().length > 0) return { rows: statement.all(...parameters), changes: 0 };
  return { rows: [], changes: Number(statement.run(...parameters).changes) };
}

parentPort?.on('message', (/** @type {Request} */ request) => {
  const { id, sql, begin } = request;
  let begun = false;
  try {
    if (sql === 'close') {
      close();
      parentPort?.postMessage({ id, begun, result: { rows: [], changes: 0 } });
      parentPort?.close();
      return;
    }
    open();
    // Immediate: it never fails half-way for a lock.
    if (begin) database?.exec('BEGIN IMMEDIATE');
    begun = begin;
    parentPort?.postMessage({ id, begun, result: answer(request) });
  } catch (error) {
    const { message, errcode } = /** @type {Error & { errcode?: number }} */ (error);
    parentPort?.postMessage({ id, begun, error: { message, errcode } });
  } finally {
    if (immutable) close();
  }
});
