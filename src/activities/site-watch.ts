import type { Ledger, SiteRow } from '../storage/ledger';
import { combined, heardOf } from '../study/combined-health';
import type { SiteView } from '../study/site-choice';
import type { SiteHealth } from '../study/site-health';

/** What is known is good for so long (milliseconds). */
const fresh = 200;
/** How often the other workers are asked, by way of the ledger, and told where nothing has changed (milliseconds). */
const sharing = 2000;
const telling = 10_000;
/** A trial that was sent to a site counts against its room until the site shows it, or so long (milliseconds). */
const reservedFor = 10_000;
/** A site that has rejected a study is tried again by one of its trials after this time (milliseconds). */
const rejectedFor = 60_000;

/**
 * What this worker knows of its sites, and other workers of theirs. Nothing is asked unless somebody wants to know; whoever asks at
 * the same moment shares the answer.
 */
export class SiteWatch {
  private readonly own = new Map<
    string,
    { readonly at: number; readonly health: Promise<SiteHealth | null> }
  >();
  private readonly told = new Map<string, { readonly at: number; readonly text: string }>();
  private others: { readonly at: number; readonly rows: Promise<readonly SiteRow[]> } | undefined;
  /** By site, the trials that were sent there and when. */
  private readonly reserved = new Map<string, Map<string, number>>();
  private readonly rejected = new Map<string, { readonly until: number; readonly why: string }>();

  constructor(
    private readonly deps: {
      readonly ledger: Ledger;
      /** How a site of this worker's settings is; `null` where there is none, or nobody serves it. */
      readonly healthOf: (site: string) => Promise<SiteHealth | null>;
      readonly hostOf: (site: string) => string | null;
      /** Tells this worker from the others. */
      readonly worker: string;
    },
  ) {}

  /** A site as this worker sees it, for a person; the others are told too. @returns `null` where it has no such site */
  async health(site: string): Promise<SiteHealth | null> {
    const health = await this.look(site);
    if (health !== null) await this.tell([{ site, health }]);
    return health;
  }

  /** These sites for a trial of this study. */
  async views(study: string, sites: readonly string[]): Promise<readonly SiteView[]> {
    // A trial that arrives meanwhile is counted by what was looked at before or by this, never by neither.
    const sentBefore = new Map(sites.map((site) => [site, this.sentTo(site)]));
    const looked = await Promise.all(sites.map(async (site) => ({ site, health: await this.look(site) })));
    const known = looked.flatMap(({ site, health }) => (health === null ? [] : [{ site, health }]));
    await this.tell(known);
    const rows = await this.readOthers();
    return looked.map(({ site, health }) => {
      const mine = health === null ? null : { host: this.deps.hostOf(site), health };
      const sent = Math.max(sentBefore.get(site) ?? 0, this.sentTo(site));
      return this.viewOf(study, site, combined(mine, heardOf(site, rows)), sent);
    });
  }

  /** `true` where another worker can use the site now. */
  async elsewhere(site: string): Promise<boolean> {
    const rows = await this.readOthers();
    return heardOf(site, rows).some(({ health }) => health.state === 'ok');
  }

  /** A trial is on its way to the site. */
  reserve(site: string, trial: string): void {
    const trials = this.reserved.get(site) ?? new Map<string, number>();
    trials.set(trial, performance.now());
    this.reserved.set(site, trials);
  }

  /** It has come there, or not. */
  arrived(site: string, trial: string): void {
    this.reserved.get(site)?.delete(trial);
    // What was known may not count it yet.
    this.own.delete(site);
  }

  /** A site has rejected a trial of this study for good: the others don't all have to find that out. */
  reject(study: string, site: string, why: string): void {
    this.rejected.set(`${study}/${site}`, { until: performance.now() + rejectedFor, why });
  }

  private viewOf(study: string, site: string, health: SiteHealth | null, sent: number): SiteView {
    if (health === null)
      return { site, state: 'down', reason: 'no worker has told of it', free: 0, queued: 0 };
    const rejection = this.rejected.get(`${study}/${site}`);
    const refuses = rejection !== undefined && rejection.until > performance.now() && health.state === 'ok';
    const { state, reason, free, queued } = health;
    return {
      site,
      state: refuses ? 'degraded' : state,
      reason: refuses ? `it rejected a trial: ${rejection.why}` : reason,
      free: free === null ? null : Math.max(0, free - sent),
      queued: queued + sent,
    };
  }

  private sentTo(site: string): number {
    const trials = this.reserved.get(site);
    if (trials === undefined) return 0;
    for (const [trial, at] of trials) if (performance.now() - at > reservedFor) trials.delete(trial);
    return trials.size;
  }

  private look(site: string): Promise<SiteHealth | null> {
    const known = this.own.get(site);
    if (known !== undefined && performance.now() - known.at < fresh) return known.health;
    const health = this.deps.healthOf(site);
    this.own.set(site, { at: performance.now(), health });
    return health;
  }

  /** Tells the other workers what has changed, and from time to time what has not. */
  private async tell(
    sites: readonly { readonly site: string; readonly health: SiteHealth }[],
  ): Promise<void> {
    const now = performance.now();
    const news = sites.filter(({ site, health }) => {
      const last = this.told.get(site);
      return last === undefined || now - last.at > telling || (last.text !== textOf(health) && now - last.at > sharing); // prettier-ignore
    });
    if (news.length === 0) return;
    for (const { site, health } of news) this.told.set(site, { at: now, text: textOf(health) });
    const { ledger, worker, hostOf } = this.deps;
    await ledger.noteSites(
      worker,
      news.map(({ site, health }) => ({ site, host: hostOf(site), health })),
    );
  }

  private async readOthers(): Promise<readonly SiteRow[]> {
    if (this.others === undefined || performance.now() - this.others.at > sharing) {
      const rows = this.deps.ledger
        .readSites()
        .then((all) => all.filter(({ worker }) => worker !== this.deps.worker));
      this.others = { at: performance.now(), rows };
      rows.catch(() => {
        this.others = undefined;
      });
    }
    return this.others.rows;
  }
}

function textOf({ state, reason, free, queued, running }: SiteHealth): string {
  return JSON.stringify([state, reason, free, queued, running]);
}
