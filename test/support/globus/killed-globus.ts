import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { StudyHandle } from '../../../src/client/study-handle';
import { trialWorkflowId } from '../../../src/study/workflow-id';
import type { SiteChange } from '../../../src/study/itinerary';
import { until } from '../installation';
import { KilledTrials } from '../killed-trials';
import { PbsStandIn } from '../pbs-stand-in';
import { Broker } from './broker';
import { GlobusCluster } from './globus-cluster';
import type { EndpointPart, Engine } from './real-endpoint';
import { toldInUi } from './told-in-ui';

/** What can be killed with SIGKILL: the worker, one of two endpoints' parts, or the broker between them and the service. */
export const victims = ['worker', 'user endpoint', 'manager', 'broker'] as const;
export type GlobusVictim = (typeof victims)[number];

const endpoints = ['one', 'two'] as const;
type Site = (typeof endpoints)[number];
const sites = [...endpoints, 'cluster'] as const;

/** How long at most what was killed stays away until a trial goes elsewhere for it, and how long it does otherwise (milliseconds). */
const longest = 60_000;
const short = 2000;

/** A study of short trials on two real endpoints and a PBS site behind them, to be killed around. */
export class KilledGlobus extends KilledTrials<GlobusVictim> {
  private readonly turns = new Map<EndpointPart, number>();
  private readonly strikes = new Map<GlobusVictim, number>();
  /** Resolves when the broker is there. */
  private brokerThere: Promise<void> = Promise.resolve();
  private readonly managersAway = new Map<string, Promise<void>>();
  private brokerAway = false;

  private constructor(
    private readonly cluster: GlobusCluster,
    private readonly pbs: PbsStandIn,
    private readonly broker: Broker,
    trials: number,
    private readonly spread: boolean,
  ) {
    super(cluster.installation, trials, cluster.folder);
  }

  /** `spread`: trials are divided over the sites, instead of going to the first that takes them. */
  static async start(
    trials: number,
    { engine, spread = false }: { readonly engine: Engine; readonly spread?: boolean },
  ): Promise<KilledGlobus> {
    const broker = await Broker.start();
    const pbs = await PbsStandIn.start({ cpusPerNode: 4, killDelaySeconds: 1 });
    const cluster = await GlobusCluster.start({
      broker,
      options: Object.fromEntries(endpoints.map((name) => [name, { engine, workers: 2, heartbeat: 2 }])),
      sites: {
        cluster: {
          scheduler: 'pbs',
          transport: { type: 'local' },
          working_dir: join(pbs.bin, '..', 'work'),
          pbs_bin: pbs.bin,
          poll_interval: '1s',
          walltime: '00:10:00',
        },
      },
      // Its files are here too: a lost task is found in seconds, not in minutes.
      settings: { transport: { type: 'local' }, max_retries: 5 },
    });
    const study = new KilledGlobus(cluster, pbs, broker, trials, spread);
    await study.begin(6, { sites, spread });
    return study;
  }

  override async problems(timeoutMs?: number): Promise<readonly string[]> {
    // What does not come back says so itself.
    const [found] = await Promise.all([
      super.problems(timeoutMs).catch(async (error: unknown) => {
        throw new Error(`${String(error)}\n${await this.openTrials()}`, { cause: error });
      }),
      this.brokerThere,
      ...this.managersAway.values(),
    ]);
    const untold = (await this.changes()).filter(({ told }) => !told);
    return [
      ...found,
      ...this.endedOften(),
      ...untold.map(({ text }) => `nobody is told why: ${text}`),
      ...(await this.cluster.leaks(['perdure/killed'])).map((where) => `a secret is in ${where}`),
    ];
  }

  /** How many trials ended at each site. */
  async places(): Promise<Readonly<Record<string, number>>> {
    const all = (await this.inLedger()).map(({ user_attrs }) => String(user_attrs['site']));
    return Object.fromEntries(sites.map((site) => [site, all.filter((one) => one === site).length]));
  }

  /**
   * Each change of a trial's site, with its reason.
   * @returns `told`: the reason is in the trial's attributes, at the attempt in Temporal UI, and in its workflow's details
   */
  async changes(): Promise<readonly { readonly text: string; readonly told: boolean }[]> {
    const session = await this.installation.session();
    try {
      const handle = new StudyHandle(session, 'killed');
      const client = await session.client();
      const all = await handle.trials();
      const found = await Promise.all(
        all.map(async ({ number, userAttrs }) => {
          const jobs = (await session.ledger.listJobs('killed', number)).toSorted(
            (a, b) => a.attempt - b.attempt,
          );
          const reasons = (userAttrs['site_changes'] ?? []) as unknown as readonly SiteChange[];
          const moved = jobs.filter(
            ({ site, attempt }, i) =>
              // Where trials are divided, any site may be the first.
              site !== (jobs[i - 1]?.site ?? (this.spread ? site : sites[0])) ||
              reasons.some((one) => one.attempt === attempt),
          );
          if (moved.length === 0) return [];
          const ui = await toldInUi(client, trialWorkflowId(handle.workflowId, number));
          return moved.map(({ attempt, site }) => {
            const reason = reasons.find((one) => one.attempt === attempt && one.site === site);
            const why = reason?.why ?? '';
            const place = `attempt ${String(attempt)} at ${site}`;
            return {
              text: `trial ${String(number)}, ${place}: ${why}`,
              told:
                why !== '' &&
                ui.summaries.some((summary) => summary.startsWith(`${place} (${why.slice(0, 40)}`)) &&
                ui.details.includes(`${place}: ${why}`),
            };
          });
        }),
      );
      return found.flat();
    } finally {
      await session.close();
    }
  }

  /** What is known of the trials that run, and of the endpoints. */
  private async openTrials(): Promise<string> {
    const session = await this.installation.session();
    try {
      const handle = new StudyHandle(session, 'killed');
      const running = (await handle.trials()).filter(({ state }) => state === 'RUNNING');
      const waiting = new Map((await handle.waiting()).map(({ number, why }) => [number, why]));
      const jobs = await Promise.all(
        running.map(async ({ number }) =>
          (await session.ledger.listJobs('killed', number)).map(({ attempt, site }) => {
            const place = `trial ${String(number)}, attempt ${String(attempt)} at ${site}`;
            return `${place}: ${waiting.get(number) ?? 'no word'}`;
          }),
        ),
      );
      const places = endpoints.map((site) => {
        const endpoint = this.cluster.endpoint(site);
        const parts = (['manager', 'user endpoint', 'workers'] as const).map(
          (part) =>
            `${part} ${
              endpoint
                .processes(part)
                .map(({ pid }) => pid)
                .join() || 'none'
            }`,
        );
        const last = [endpoint.output(), endpoint.userEndpointLogs()].map((text) => text.slice(-3000));
        return `${site}: ${parts.join('; ')}\n${last.join('\n')}`;
      });
      const away = [...(this.brokerAway ? ['the broker'] : []), ...this.managersAway.keys()];
      const tasks = this.cluster.service.tasks.all().filter(({ result }) => result === null);
      return [
        ...jobs.flat(),
        `not back: ${away.join() || 'none'}; ${String(tasks.length)} tasks without a result`,
        ...places,
      ].join('\n');
    } finally {
      await session.close();
    }
  }

  async destroy(): Promise<void> {
    await Promise.allSettled([this.brokerThere, ...this.managersAway.values()]);
    await this.cluster.destroy();
    await this.pbs.destroy();
  }

  /** What has to be started again stays away until a trial goes elsewhere for it, and every other time for a moment only. */
  protected async strike(victim: GlobusVictim): Promise<boolean> {
    switch (victim) {
      case 'worker':
        return this.killWorker();
      case 'user endpoint':
        return (await this.killPart(victim)) !== null;
      case 'manager': {
        const absence = await this.absence(victim);
        const site = await this.killPart(victim);
        if (site === null) return false;
        this.managersAway.set(site, this.bringBack(site, absence));
        return true;
      }
      case 'broker':
        if (this.brokerAway) return false;
        this.brokerAway = true;
        await this.broker.kill();
        this.brokerThere = (await this.absence(victim))().then(async () => {
          await this.broker.begin();
          this.brokerAway = false;
        });
        return true;
    }
  }

  /** Of the endpoints in turn, the first that has such a thing now. @returns its site */
  private async killPart(part: EndpointPart): Promise<Site | null> {
    const turn = this.turns.get(part) ?? 0;
    this.turns.set(part, (turn + 1) % endpoints.length);
    for (const site of [...endpoints.slice(turn), ...endpoints.slice(0, turn)])
      if (!this.managersAway.has(site) && (await this.cluster.endpoint(site).kill(part)) > 0) return site;
    return null;
  }

  private async bringBack(site: Site, absence: () => Promise<void>): Promise<void> {
    await absence();
    for (let tries = 1; ; tries++) {
      await this.brokerThere;
      try {
        await this.cluster.endpoint(site).begin();
        break;
      } catch (error) {
        // The broker was killed while it began.
        if (tries === 5) throw error;
      }
    }
    this.managersAway.delete(site);
  }

  /** How long the victim stays away this time. */
  private async absence(victim: GlobusVictim): Promise<() => Promise<void>> {
    const times = (this.strikes.get(victim) ?? 0) + 1;
    this.strikes.set(victim, times);
    if (times % 2 === 0) return () => sleep(short);
    const before = await this.changed();
    return async () => {
      const elsewhere = async (): Promise<boolean> => this.over || (await this.changed()) > before;
      await until('a trial goes elsewhere', elsewhere, longest).catch(() => undefined);
    };
  }

  /** How often trials have changed their sites. */
  private async changed(): Promise<number> {
    const session = await this.installation.session();
    try {
      const trials = await new StudyHandle(session, 'killed').trials();
      return trials.reduce((sum, { userAttrs }) => {
        const changes = userAttrs['site_changes'];
        return sum + (Array.isArray(changes) ? changes.length : 0);
      }, 0);
    } finally {
      await session.close();
    }
  }
}
