import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createPbsScheduler } from '../../src/schedulers/pbs';
import type { AttemptState, Scheduler } from '../../src/schedulers/scheduler';
import { PerdureError } from '../../src/study/error';
import { createSsh2Transport } from '../../src/transports/ssh2';
import { keyOf, requestOf } from './fake-job';
import { until } from './installation';
import { NetworkProxy } from './network-proxy';
import { PbsStandIn } from './pbs-stand-in';
import { SshServer } from './sshd';

export const steps = ['stage', 'submit', 'observe', 'fetch', 'cancel'] as const;
export type Step = (typeof steps)[number];

export const faults = [
  ...(['server down', 'server hung', 'server slow', 'reply lost', 'vanishing job', 'held job'] as const),
  ...(['truncated output', 'one id of several', 'network cut', 'network frozen', 'network reset'] as const),
  'network delayed',
] as const;
export type Fault = (typeof faults)[number];

/** What came of one step while something was wrong. */
export interface Cell {
  readonly fault: Fault;
  readonly step: Step;
  /** What a person was shown meanwhile; empty where nothing was noticed. */
  readonly message: string;
  /** How the attempt ended once all was well again: `done`, `stopped`, or `lost`, which is repeated. */
  readonly outcome: string;
  /** What was lost or doubled. */
  readonly problems: readonly string[];
}

/** Less than anybody would give a site, so that each cell takes seconds. */
const patience = { command: 3, connection: 4000, submission: 4, files: 4000 };
/** An attempt whose job these take away is lost, and is meant to be: its trial repeats it. */
const losing: readonly Fault[] = ['vanishing job', 'held job'];

/** A PBS site behind a real sshd and a network with faults, on which each cell is one attempt of one trial. */
export class FaultMatrix {
  private numbers = 0;

  private constructor(
    private readonly ssh: SshServer,
    private readonly network: NetworkProxy,
    private readonly pbs: PbsStandIn,
    private readonly folder: string,
  ) {}

  static async start(): Promise<FaultMatrix> {
    const ssh = await SshServer.start({ mode: 'key' });
    const network = await NetworkProxy.start(ssh.port);
    const pbs = await PbsStandIn.start({ cpusPerNode: 64, killDelaySeconds: 1 });
    const folder = mkdtempSync(join(tmpdir(), 'perdure-matrix-'));
    chmodSync(folder, 0o777);
    const known = readFileSync(ssh.knownHosts, 'utf8').replace(
      `:${String(ssh.port)}`,
      `:${String(network.port)}`,
    );
    writeFileSync(join(folder, 'known_hosts'), known);
    return new FaultMatrix(ssh, network, pbs, folder);
  }

  async cell(fault: Fault, step: Step): Promise<Cell> {
    this.numbers += 1;
    const number = this.numbers;
    const scheduler = this.scheduler();
    const bystander = this.numbers + 1000;
    try {
      const { message, seen } = await this.live(scheduler, fault, step, number, bystander);
      return {
        fault,
        step,
        message: seen.state === 'lost' ? seen.why : message,
        outcome: outcomeOf(seen),
        problems: this.problems(fault, step, number, seen),
      };
    } finally {
      this.pbs.clearFaults();
      await this.network.heal();
      await scheduler.close();
    }
  }

  async destroy(): Promise<void> {
    await this.pbs.destroy();
    await this.network.stop();
    await this.ssh.destroy();
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }

  private async live(
    scheduler: Scheduler,
    fault: Fault,
    step: Step,
    number: number,
    bystander: number,
  ): Promise<{ readonly message: string; readonly seen: AttemptState }> {
    const key = keyOf({ number });
    const request = this.request(number, step === 'cancel' ? 60 : step === 'fetch' ? 0 : 3);
    const submit = async (): Promise<void> => {
      await scheduler.submit(request);
    };
    const observe = async (): Promise<AttemptState> => (await scheduler.observe([key]))[0]!;
    // Another job, so that a listing is of several.
    if (step === 'observe') await passed(() => scheduler.submit(this.request(bystander, 30)));
    if (step === 'stage') {
      // Whoever connects first stages the shim too.
      const message = await this.under(fault, step, submit);
      return { message, seen: await this.end(scheduler, number) };
    }
    // Connected, with everything staged but this attempt.
    await passed(() => scheduler.hasCheckpoint(key));
    await passed(() => scheduler.submit(this.request(bystander + 1000, 0)));
    if (step === 'submit') {
      const message = await this.under(fault, step, submit);
      return { message, seen: await this.end(scheduler, number) };
    }
    if (losing.includes(fault)) this.breakPbs(fault);
    await passed(submit);
    if (step === 'observe') {
      const message = await this.under(fault, step, async () => {
        const seen = await observe();
        if (seen.state === 'unknown') throw new PerdureError('Unavailable', seen.why);
        if (seen.state === 'lost' && !losing.includes(fault)) throw new Error(`lost: ${seen.why}`);
      });
      return { message, seen: await this.end(scheduler, number) };
    }
    if (step === 'fetch') {
      const seen = await this.end(scheduler, number);
      const message = await this.under(fault, step, async () => {
        await scheduler.fetch(key);
      });
      return { message, seen };
    }
    if (!losing.includes(fault)) await until('it runs', async () => (await observe()).state === 'running');
    const message = await this.under(fault, step, () => scheduler.cancel(key, 'cancelled'));
    let seen = await observe();
    await until('it is seen', async () => (seen = await observe()).state !== 'unknown');
    return { message, seen };
  }

  /** Does the step while something is wrong, then until it succeeds. @returns what was said meanwhile */
  private async under(fault: Fault, step: Step, work: () => Promise<void>): Promise<string> {
    const restore = await this.break(fault, step);
    let message = '';
    try {
      await work();
    } catch (error) {
      if (!(error instanceof PerdureError) || error.kind !== 'Unavailable') throw error;
      message = error.text;
    }
    await restore();
    await passed(work);
    return message;
  }

  private async break(fault: Fault, step: Step): Promise<() => Promise<void>> {
    switch (fault) {
      case 'network cut':
        await this.network.cut();
        return () => this.network.heal();
      case 'network frozen':
        this.network.freeze();
        return () => this.network.heal();
      case 'network reset':
        // While the step is under way.
        setTimeout(() => {
          this.network.reset();
        }, 60);
        return () => this.network.heal();
      case 'network delayed':
        this.network.delay(150);
        return () => this.network.heal();
      default:
        // Those that take a job away strike its submission.
        if (!losing.includes(fault) || step === 'stage' || step === 'submit') this.breakPbs(fault);
        return () => {
          this.pbs.clearFaults();
          return Promise.resolve();
        };
    }
  }

  private breakPbs(fault: Fault): void {
    switch (fault) {
      case 'server down':
        this.pbs.fault({ kind: 'down' });
        break;
      case 'server hung':
        this.pbs.fault({ kind: 'hang' });
        break;
      case 'server slow':
        this.pbs.fault({ kind: 'slow', seconds: 1 });
        break;
      case 'reply lost':
        this.pbs.fault({ kind: 'lost-reply', end: 'error', times: 1, command: 'qsub' });
        break;
      case 'vanishing job':
        this.pbs.fault({ kind: 'vanish', times: 1 });
        break;
      case 'held job':
        this.pbs.fault({ kind: 'hold', times: 1 });
        break;
      case 'truncated output':
        this.pbs.fault({ kind: 'truncate' });
        break;
      default:
        this.pbs.fault({ kind: 'one-id' });
    }
  }

  private async end(scheduler: Scheduler, number: number): Promise<AttemptState> {
    let seen: AttemptState | undefined;
    await until(
      'the attempt is over',
      async () => {
        [seen] = await scheduler.observe([keyOf({ number })]);
        return seen?.state === 'ended' || seen?.state === 'lost';
      },
      60_000,
    );
    return seen!;
  }

  private problems(fault: Fault, step: Step, number: number, seen: AttemptState): readonly string[] {
    const runs = this.log(number).filter((line) => line === 'start').length;
    const ends = this.log(number).filter((line) => line === 'end').length;
    const wanted = step === 'cancel' ? 'stopped' : losing.includes(fault) && runs === 0 ? 'lost' : 'ended';
    const outcome = outcomeOf(seen);
    return [
      ...(runs > 1 ? [`it ran ${String(runs)} times`] : []),
      ...(outcome === wanted ? [] : [`it is ${outcome}: ${JSON.stringify(seen)}`]),
      ...(outcome === 'ended' && ends !== 1 ? [`it has ended ${String(ends)} times`] : []),
    ];
  }

  private request(number: number, seconds: number): ReturnType<typeof requestOf> {
    const log = join(this.folder, `log-${String(number)}`);
    const script = `umask 0; echo start >>${log}; sleep ${String(seconds)}; echo 1 >"$PERDURE_RESULT"; echo end >>${log}`;
    return requestOf({ number, command: ['sh', 'run.sh'], files: { 'run.sh': `${script}\n` } });
  }

  private log(number: number): readonly string[] {
    const path = join(this.folder, `log-${String(number)}`);
    return existsSync(path) ? readFileSync(path, 'utf8').split('\n') : [];
  }

  private scheduler(): Scheduler {
    const transport = createSsh2Transport({
      ...this.ssh.address,
      port: this.network.port,
      knownHosts: join(this.folder, 'known_hosts'),
      identityFile: this.ssh.identityFile,
    });
    return createPbsScheduler(
      {
        site: 'cluster',
        workingDir: join(this.folder, 'work'),
        account: null,
        queue: null,
        select: null,
        filesystems: null,
        walltime: 120,
        directives: [],
        workerInit: '',
        pollInterval: 1000,
        maxJobs: null,
        blocks: null,
        pbsBin: this.pbs.bin,
      },
      transport,
      patience,
    );
  }
}

/** Does what may take longer than the short patience of these sites. */
async function passed(work: () => Promise<unknown>): Promise<void> {
  await until('the step succeeds', () => work().then(() => true, passing), 60_000);
}

function passing(error: unknown): false {
  if (error instanceof PerdureError && error.kind === 'Unavailable') return false;
  throw error;
}

function outcomeOf(seen: AttemptState): string {
  return seen.state === 'ended' && seen.end.how === 'stopped' ? 'stopped' : seen.state;
}
