'use strict';
/*
 * The thread that owns a SQLite connection, so that no query holds up the event loop. Plain JavaScript, since a thread is
 * started from a file as it is. It answers each message in order.
 */
const { parentPort, workerData } = require('node:worker_threads');
const { DatabaseSync } = require('node:sqlite');

/** @typedef {{ id: number, sql: string, parameters: (null | number | bigint | string | Uint8Array)[], begin: boolean }} Request */

/** @type {import('node:sqlite').DatabaseSync} */
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

function open() {
  if (database === undefined) {
    const opened = new DatabaseSync(workerData.path, {
      timeout: workerData.busyTimeout,
      enableForeignKeyConstraints: true,
    });
    useWriteAheadLog(opened);
    // Temporal goes on from what it was told is written, so that has to outlive a loss of power too.
    opened.exec('PRAGMA synchronous = FULL');
    database = opened;
  }
}

/** @param {Request} request */
function answer({ sql, parameters }) {
  if (sql === 'close') {
    database.close();
    return { rows: [], changes: 0 };
  }
  const statement = prepare(sql);
  if (statement.columns().length > 0) return { rows: statement.all(...parameters), changes: 0 };
  return { rows: [], changes: Number(statement.run(...parameters).changes) };
}

parentPort?.on('message', (/** @type {Request} */ request) => {
  const { id, sql, begin } = request;
  let begun = false;
  try {
    open();
    // Immediate: it never fails half-way for a lock.
    if (begin) database.exec('BEGIN IMMEDIATE');
    begun = begin;
    parentPort?.postMessage({ id, begun, result: answer(request) });
    if (sql === 'close') parentPort?.close();
  } catch (error) {
    const { message, errcode } = /** @type {Error & { errcode?: number }} */ (error);
    parentPort?.postMessage({ id, begun, error: { message, errcode } });
  }
});
