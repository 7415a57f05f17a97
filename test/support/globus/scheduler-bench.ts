import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createGlobusScheduler,
  usualPatience,
  type GlobusSite,
  type Patience,
} from '../../../src/schedulers/globus';
import type { GlobusJournal } from '../../../src/schedulers/globus/journal';
import { attemptPath } from '../../../src/schedulers/job-key';
import type { Full, JobKey, AttemptState, JobOutput, Scheduler } from '../../../src/schedulers/scheduler';
import { openLedger } from '../../../src/storage';
import type { Ledger } from '../../../src/storage/ledger';
import type { Preparation } from '../../../src/study/spec';
import type { Transport } from '../../../src/transports/transport';
import { keyOf, requestOf, type FakeJob } from '../fake-job';
import { until } from '../installation';
import { Broker, brokerAvailable } from './broker';
import { ComputeService } from './compute-service';
import { PythonWorkers } from './python-worker';

/** Of workers that are Python processes, each of which takes seconds to start on a busy machine. */
const impatient: Patience = {
  ...usualPatience,
  poll: { alone: 500, listening: 60_000 },
  look: { transport: 300, task: 1000 },
  silence: 15_000,
  person: 15_000,
  worker: 20_000,
  overtaken: 1500,
};

/** A site of Globus Compute of the test's own: service, workers, ledger and a working directory with a hostile name. */
export class GlobusBench {
  readonly folder = mkdtempSync(join(tmpdir(), "perdure globus '$(false)' ü "));
  readonly workers: PythonWorkers;
  readonly endpointId: string;
  private readonly open: Scheduler[] = [];
  private readonly ledgers: Ledger[] = [];

  private constructor(
    readonly service: ComputeService,
    private readonly options: Partial<GlobusSite>,
    most: number,
  ) {
    this.workers = new PythonWorkers(most);
    this.endpointId = service.addEndpoint(this.workers.run);
  }

  static async start(
    options: Partial<GlobusSite> = {},
    { workers = 4, amqp = true }: { readonly workers?: number; readonly amqp?: boolean } = {},
  ): Promise<GlobusBench> {
    // Where there is none, results come by asking.
    const broker = amqp && brokerAvailable() ? await Broker.shared() : null;
    return new GlobusBench(await ComputeService.start({ broker }), options, workers);
  }

  get site(): GlobusSite {
    return {
      site: 'far',
      endpointId: this.endpointId,
      serviceUrl: this.service.url,
      functionTimeout: 60_000,
      maxRetries: 2,
      userEndpointConfig: {},
      resourceSpecification: null,
      workingDir: join(this.folder, 'work'),
      workerInit: '',
      ...this.options,
    };
  }

  /** Another worker's scheduler, on the same ledger. */
  async scheduler({
    transport = null,
    patience = {},
    token,
    journal = {},
  }: {
    readonly transport?: Transport | null;
    readonly patience?: Partial<Patience>;
    readonly token?: () => Promise<string>;
    /** In the place of the ledger's own. */
    readonly journal?: Partial<GlobusJournal>;
  } = {}): Promise<Scheduler> {
    const ledger = await openLedger(`sqlite:///${join(this.folder, 'ledger.db')}`);
    this.ledgers.push(ledger);
    const made = this.service.auth.accessToken();
    const scheduler = createGlobusScheduler({
      site: this.site,
      authorization: {
        accessToken: token ?? (() => Promise.resolve(made)),
        refused: () => Promise.resolve(),
      },
      journal: { ...bound(ledger), readFile: (sha256) => this.readFile(sha256), ...journal },
      transport,
      patience: { ...impatient, ...patience },
    });
    this.open.push(scheduler);
    return scheduler;
  }

  /** That of the ledger, of the last scheduler that was made. */
  get journal(): GlobusJournal {
    return this.ledgers.at(-1)!.globus;
  }

  /** Files of jobs, by their hash, as the ledger would have them. */
  private readonly files = new Map<string, Uint8Array>();
  private readFile(sha256: string): Promise<Uint8Array> {
    return Promise.resolve(this.files.get(sha256) ?? new Uint8Array());
  }

  async submit(scheduler: Scheduler, job: FakeJob, preparation?: Preparation): Promise<string | Full> {
    const request = { ...requestOf(job), ...(preparation === undefined ? {} : { preparation }) };
    for (const { sha256 } of request.trial.files) this.files.set(sha256, await request.readFile(sha256));
    return scheduler.submit(request);
  }

  async run(job: FakeJob): Promise<{ readonly seen: AttemptState; readonly output: JobOutput }> {
    const scheduler = await this.scheduler();
    await this.submit(scheduler, job);
    const seen = await this.untilOver(scheduler, keyOf(job));
    return { seen, output: await scheduler.fetch(keyOf(job)) };
  }

  async untilSeen(
    scheduler: Scheduler,
    states: readonly AttemptState['state'][],
    key: JobKey = keyOf(),
  ): Promise<AttemptState> {
    let seen: AttemptState | undefined;
    await until(`the attempt is ${states.join(' or ')}`, async () => {
      [seen] = await scheduler.observe([key]);
      return seen !== undefined && states.includes(seen.state);
    });
    return seen!;
  }

  untilOver(scheduler: Scheduler, key: JobKey = keyOf()): Promise<AttemptState> {
    return this.untilSeen(scheduler, ['ended', 'lost'], key);
  }

  /** A file of an attempt. */
  path(name: string, key: JobKey = keyOf()): string {
    return join(this.site.workingDir, attemptPath(key), name);
  }

  text(name: string, key: JobKey = keyOf()): string {
    return existsSync(this.path(name, key)) ? readFileSync(this.path(name, key), 'utf8') : '';
  }

  async destroy(): Promise<void> {
    for (const scheduler of this.open) await scheduler.close();
    // No word of theirs may come when the service is gone.
    this.workers.hold();
    this.workers.vanish();
    for (const ledger of this.ledgers) await ledger.close();
    await this.service.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** The journal's methods, so that one of them can be another. */
function bound({ globus }: Ledger): Omit<Ledger['globus'], 'readFile'> {
  const names = Object.getOwnPropertyNames(Object.getPrototypeOf(globus)) as (keyof Ledger['globus'])[];
  return Object.fromEntries(
    names.map((name) => [name, (globus[name] as (...words: unknown[]) => unknown).bind(globus)]),
  ) as unknown as Omit<Ledger['globus'], 'readFile'>;
}
