import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createGlobusScheduler, usualPatience } from '../../../src/schedulers/globus';
import { openGlobusLogin, type GlobusLogin } from '../../../src/schedulers/globus/login';
import type { AttemptState, Scheduler } from '../../../src/schedulers/scheduler';
import { openLedger } from '../../../src/storage';
import type { Ledger } from '../../../src/storage/ledger';
import { PerdureError } from '../../../src/study/error';
import { keyOf, requestOf } from '../fake-job';
import { Broker } from './broker';
import { ComputeService } from './compute-service';
import { requestFaults, resultFaults, type Call, type RequestFault, type ResultFault } from './faults';
import { PythonWorkers } from './python-worker';

/** Requests that a trial's life needs, and its result's way by the queue. */
export const calls = [
  'register_function',
  'submit',
  'amqp_url',
  'batch_status',
  'endpoint_status',
  'token',
  'result',
] as const;
export type MatrixCall = (typeof calls)[number];

/** Faults of the way to the broker and of the endpoint, beside those of single requests and results. */
const otherFaults = ['connection cut', 'broker blocked', 'endpoint offline'] as const;
type OtherFault = (typeof otherFaults)[number];
export type MatrixFault = RequestFault | ResultFault | OtherFault;

/** What came of one trial's life with one fault in it. */
export interface GlobusCell {
  readonly call: MatrixCall;
  readonly fault: MatrixFault;
  /** What a person was shown meanwhile; empty where nothing was noticed. */
  readonly message: string;
  /** How it ended: `done`, `rejected` for good before anything ran, or what else. */
  readonly outcome: string;
  /** Whether a person had to log in again. */
  readonly logins: number;
  /** What was lost, doubled, not met or shown that is secret. */
  readonly problems: readonly string[];
}

/** Every pair that makes sense. */
export function cells(): readonly (readonly [MatrixCall, MatrixFault])[] {
  return calls.flatMap((call): (readonly [MatrixCall, MatrixFault])[] =>
    call === 'result'
      ? [...resultFaults, ...otherFaults].map((fault) => [call, fault] as const)
      : requestFaults.map((fault) => [call, fault] as const),
  );
}

/** Final answers to what is asked once for a trial: it is refused, and nothing ran. */
const final: readonly MatrixFault[] = ['403', '404', '413', '422 endpoint'];

/** Waits as nobody would in earnest, so that a cell takes seconds. */
const patience = {
  ...usualPatience,
  poll: { alone: 200, listening: 1500 },
  look: { transport: 300, task: 700 },
  silence: 7000,
  person: 4000,
  overtaken: 2000,
};

/** Lives through one cell, in a service, a login, a ledger and a directory of its own. */
export async function liveThrough(call: MatrixCall, fault: MatrixFault, times = 1): Promise<GlobusCell> {
  const one = await Cell.open();
  try {
    return await one.live(call, fault, times);
  } finally {
    await one.close();
  }
}

class Cell {
  private readonly messages: string[] = [];
  private logins = 0;
  private stopped = false;

  private constructor(
    private readonly folder: string,
    private readonly service: ComputeService,
    private readonly workers: PythonWorkers,
    private readonly endpointId: string,
    private readonly login: GlobusLogin,
    private readonly ledger: Ledger,
    private readonly scheduler: Scheduler,
  ) {}

  static async open(): Promise<Cell> {
    const folder = mkdtempSync(join(tmpdir(), 'perdure-globus-cell-'));
    const service = await ComputeService.start({ broker: await Broker.shared() });
    service.faults.slowMs = 1500;
    const workers = new PythonWorkers(2);
    const endpointId = service.addEndpoint(workers.run);
    const login = openGlobusLogin({
      site: 'far',
      home: folder,
      auth: {
        method: 'native_client',
        clientId: service.auth.register('native').id,
        clientSecretEnv: null,
        authUrl: service.url,
      },
    });
    const ledger = await openLedger(`sqlite:///${join(folder, 'ledger.db')}`);
    const scheduler = createGlobusScheduler({
      site: {
        site: 'far',
        endpointId,
        serviceUrl: service.url,
        functionTimeout: 60_000,
        maxRetries: 2,
        userEndpointConfig: {},
        resourceSpecification: null,
        workingDir: join(folder, 'work'),
        workerInit: '',
      },
      authorization: login.authorization,
      journal: ledger.globus,
      transport: null,
      patience,
    });
    return new Cell(folder, service, workers, endpointId, login, ledger, scheduler);
  }

  async live(call: MatrixCall, fault: MatrixFault, times: number): Promise<GlobusCell> {
    // So short a life, and each request has to renew the token.
    if (call === 'token') this.service.auth.tokenSeconds = 30;
    await this.logIn();
    const healed = this.break(call, fault, times);
    const outcome = await this.run();
    await healed;
    return {
      call,
      fault,
      message: this.messages.join(' / '),
      outcome,
      logins: this.logins - 1,
      problems: this.problems(call, fault, outcome),
    };
  }

  async close(): Promise<void> {
    this.stopped = true;
    this.service.faults.clear();
    this.workers.kill();
    await this.scheduler.close();
    await this.ledger.close();
    await this.service.stop();
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }

  /** What a person does who is told that a login is needed. */
  private async logIn(): Promise<void> {
    this.logins += 1;
    await this.login.logIn(async ({ instructions }) => {
      const page = /https?:\S+/.exec(instructions)?.[0] ?? '';
      return [await this.service.auth.logIn(page)];
    });
  }

  /** @returns when what lasts for a while is over */
  private async break(call: MatrixCall, fault: MatrixFault, times: number): Promise<void> {
    const { service } = this;
    if (call === 'batch_status') service.amqpBlocked = true;
    if (isRequestFault(fault)) service.faults.next(call as Call, fault, times);
    else if (isResultFault(fault)) service.faults.nextResult(fault, times);
    else if (fault === 'endpoint offline') {
      service.setOnline(this.endpointId, false);
      await sleep(3000);
      service.setOnline(this.endpointId, true);
    } else if (fault === 'broker blocked') await service.amqp!.cut();
    else
      while (!this.stopped && this.lines() !== 'start\nend\n') {
        service.amqp!.drop();
        await sleep(100);
      }
  }

  /** The life of a trial, as the activities live it: each step until it succeeds. */
  private async run(): Promise<string> {
    const log = join(this.folder, 'log');
    // Braces would be a parameter's place in a command.
    const result = String.raw`printf '\173"value": 7\175' >"$PERDURE_RESULT"`;
    const script = `echo start >>'${log}'; sleep 0.5; ${result}; echo end >>'${log}'`;
    const request = requestOf({ command: ['sh', '-c', script] });
    const key = keyOf();
    try {
      await this.persist(() => this.scheduler.submit(request));
      const health = await this.scheduler.health();
      if (health.state !== 'ok') this.say(health.reason);
      const seen = await this.persist(async () => {
        const [one] = await this.scheduler.observe([key]);
        if (one?.state !== 'ended' && one?.state !== 'lost') throw this.notYet(one);
        return one;
      });
      if (seen.state === 'lost') return `lost: ${seen.why}`;
      const output = await this.persist(() => this.scheduler.fetch(key));
      const value =
        output.result !== undefined && 'value' in output.result ? output.result.value : output.result;
      const right =
        seen.end.how === 'exited' && seen.end.status === 0 && JSON.stringify(value) === '{"value":7}';
      return right ? 'done' : `wrong: ${JSON.stringify([seen, value])}`;
    } catch (error) {
      if (!(error instanceof PerdureError) || error.kind !== 'SubmitRejected') throw error;
      this.say(error.text);
      return 'rejected';
    }
  }

  private notYet(seen: AttemptState | undefined): PerdureError {
    if (seen?.state !== 'unknown') return new PerdureError('Unavailable', '');
    return new PerdureError(seen.login === true ? 'LoginRequired' : 'Unavailable', seen.why);
  }

  private async persist<T>(work: () => Promise<T>): Promise<T> {
    const deadline = Date.now() + 90_000;
    for (;;) {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof PerdureError) || Date.now() > deadline) throw error;
        if (error.kind === 'SubmitRejected') throw error;
        this.say(error.text);
        if (error.kind === 'LoginRequired') await this.logIn();
      }
      await sleep(50);
    }
  }

  private say(text: string): void {
    if (text !== '' && !this.messages.includes(text)) this.messages.push(text);
  }

  private lines(): string {
    const log = join(this.folder, 'log');
    return existsSync(log) ? readFileSync(log, 'utf8') : '';
  }

  private problems(call: MatrixCall, fault: MatrixFault, outcome: string): readonly string[] {
    const refused = final.includes(fault) && (call === 'submit' || call === 'register_function');
    const wanted = refused ? 'rejected' : 'done';
    const ran = refused ? '' : 'start\nend\n';
    return [
      ...(outcome === wanted ? [] : [`ended as ${outcome}`]),
      ...(this.lines() === ran ? [] : [`it ran like this: ${JSON.stringify(this.lines())}`]),
      ...this.service.faults.pending.map((one) => `no request met the fault ${one}`),
      ...this.leaks(),
    ];
  }

  /** Tokens and passwords in what a person or a file was told; the login's own file is theirs. */
  private leaks(): readonly string[] {
    const secrets = [...this.service.auth.secrets, this.service.broker?.password ?? ''].filter(
      (one) => one !== '',
    );
    const texts = [['a message', this.messages.join('\n')] as const, ...filesBelow(this.folder)];
    return texts.flatMap(([name, text]) =>
      !name.includes('/globus/') && secrets.some((secret) => text.includes(secret))
        ? [`a secret is in ${name}`]
        : [],
    );
  }
}

function filesBelow(folder: string): readonly (readonly [string, string])[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile())
    .map((path) => [path, readFileSync(path, 'latin1')] as const);
}

function isRequestFault(fault: MatrixFault): fault is RequestFault {
  return (requestFaults as readonly string[]).includes(fault);
}

function isResultFault(fault: MatrixFault): fault is ResultFault {
  return (resultFaults as readonly string[]).includes(fault);
}

/** The matrix as a table for a person. */
export function printed(all: readonly GlobusCell[]): string {
  const lines = all.map(({ call, fault, outcome, logins, message, problems }) =>
    [
      call.padEnd(17),
      fault.padEnd(16),
      (problems.length > 0 ? `PROBLEM ${problems.join('; ')}` : outcome).padEnd(9),
      logins > 0 ? `login ` : '      ',
      message.length > 140 ? `${message.slice(0, 139)}…` : message,
    ].join(' '),
  );
  return lines.join('\n');
}
