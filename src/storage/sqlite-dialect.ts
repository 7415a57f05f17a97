import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import {
  type CompiledQuery,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
} from 'kysely';
import { cleanUp } from '../study/clean-up';
import { handleErrors } from '../process/handle-errors';

interface Answer {
  readonly id: number;
  /** The transaction that was to begin has begun, whatever came of the query. */
  readonly begun?: boolean;
  readonly result?: { readonly rows: readonly unknown[]; readonly changes: number };
  readonly error?: { readonly message: string; readonly errcode?: number };
}

/** An error that SQLite gave; `errcode` is its extended result code. */
export class SqliteError extends Error {
  constructor(
    message: string,
    readonly errcode: number | undefined,
  ) {
    super(message);
    this.name = 'SqliteError';
  }

  /** Another process holds the lock (SQLITE_BUSY 5, SQLITE_LOCKED 6). */
  get busy(): boolean {
    return this.errcode !== undefined && [5, 6].includes(this.errcode & 0xff);
  }
}

/** How long SQLite itself waits for another process's lock (milliseconds). */
const busyTimeout = 10_000;

export interface SqliteOptions {
  /** Takes no write lock; every change fails. The file has to exist. */
  readonly readOnly: boolean;
}

/** SQLite for kysely on a thread of its own, with Node's built-in driver. Transactions are immediate: they never fail half-way for a lock. */
export function sqliteDialect(path: string, options: SqliteOptions = { readOnly: false }): Dialect {
  return {
    createAdapter: () => new TransactionalAdapter(),
    createDriver: () => new ThreadDriver(path, options),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  };
}

/** SQLite rolls back schema changes with their transaction, but kysely's adapter says that it does not. */
class TransactionalAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

/** One connection, used by one caller at a time. */
class ThreadDriver implements Driver {
  private connection: ThreadConnection | undefined;
  private turn: Promise<void> = Promise.resolve();
  private release: () => void = () => undefined;

  constructor(
    private readonly path: string,
    private readonly options: SqliteOptions,
  ) {}

  init(): Promise<void> {
    this.connection = new ThreadConnection(this.path, this.options);
    return Promise.resolve();
  }

  async acquireConnection(): Promise<DatabaseConnection> {
    const before = this.turn;
    let release: () => void = () => undefined;
    this.turn = new Promise((resolve) => {
      release = resolve;
    });
    await before;
    this.release = release;
    if (this.connection === undefined) throw new Error('the database is closed');
    if (this.connection.ended) this.connection = new ThreadConnection(this.path, this.options);
    return this.connection;
  }

  releaseConnection(): Promise<void> {
    this.release();
    return Promise.resolve();
  }

  /** The thread begins it with its first query, which spares a message. */
  beginTransaction(): Promise<void> {
    this.connection?.begin();
    return Promise.resolve();
  }

  async commitTransaction(): Promise<void> {
    await this.connection?.end('COMMIT');
  }

  /** SQLite has done it itself after some errors (a full disk): what is told is that error. */
  async rollbackTransaction(): Promise<void> {
    await this.connection?.end('ROLLBACK').catch(() => undefined);
  }

  async destroy(): Promise<void> {
    await this.connection?.close();
    this.connection = undefined;
  }
}

class ThreadConnection implements DatabaseConnection {
  private readonly thread: Worker;
  private readonly waiting = new Map<
    number,
    { resolve: (answer: Answer) => void; reject: (error: Error) => void }
  >();
  private last = 0;
  /** A transaction is to begin with the next query. */
  private toBegin = false;
  private inTransaction = false;
  private failure: Error | undefined;

  constructor(path: string, { readOnly }: SqliteOptions) {
    this.thread = handleErrors(
      new Worker(join(__dirname, 'sqlite-thread.js'), {
        workerData: { path, busyTimeout, readOnly },
        execArgv: ['--disable-warning=ExperimentalWarning'],
      }),
      (error) => {
        this.fail(error);
      },
    );
    // An idle ledger must not keep a process alive; a query under way does.
    this.thread.unref();
    this.thread.on('message', (answer: Answer) => {
      this.waiting.get(answer.id)?.resolve(answer);
      this.waiting.delete(answer.id);
      if (this.waiting.size === 0) this.thread.unref();
    });
    this.thread.on('exit', () => {
      this.fail(new Error("the database's thread terminated"));
    });
  }

  /** Its thread is gone (out of memory, say), and with it what was not committed. */
  get ended(): boolean {
    return this.failure !== undefined;
  }

  begin(): void {
    this.toBegin = true;
  }

  /** Ends the transaction, if one was begun. */
  async end(how: 'COMMIT' | 'ROLLBACK'): Promise<void> {
    this.toBegin = false;
    if (!this.inTransaction) return;
    await this.ask(how, []);
    this.inTransaction = false;
  }

  async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    const { rows, changes } = await this.ask(sql, parameters);
    // The thread returns what the compiled query selects; kysely's types follow the query.
    return { rows: rows as R[], numAffectedRows: BigInt(changes) };
  }

  // eslint-disable-next-line require-yield -- the interface wants a generator; streaming is not offered
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    await Promise.reject(new Error('streaming is not offered'));
  }

  async close(): Promise<void> {
    await cleanUp(
      () => this.ask('close', []),
      () => this.thread.terminate(),
    );
  }

  private async ask(
    sql: string,
    parameters: readonly unknown[],
  ): Promise<{ rows: readonly unknown[]; changes: number }> {
    const id = ++this.last;
    const begin = this.toBegin;
    this.toBegin = false;
    if (this.failure !== undefined) throw this.failure;
    const answer = await new Promise<Answer>((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.thread.ref();
      this.thread.postMessage({ id, sql, parameters, begin });
    });
    if (begin) this.inTransaction = answer.begun === true;
    if (answer.error !== undefined) throw new SqliteError(answer.error.message, answer.error.errcode);
    if (answer.result === undefined) throw new Error('the database thread gave no answer');
    return answer.result;
  }

  private fail(error: Error): void {
    this.failure ??= error;
    for (const { reject } of this.waiting.values()) reject(error);
    this.waiting.clear();
  }
}
