import { isDeepStrictEqual } from 'node:util';
import { createPruner, type Pruner } from '../pruners';
import { createBackgroundSampler } from '../samplers';
import type { Sampler } from '../samplers/sampler';
import type { Ledger } from '../storage/ledger';
import { ledgerIdentity } from '../storage/url';
import { PerdureError } from '../study/error';
import { samplerAt } from '../study/local-programs';
import type { MethodSpec, PrunerSpec, SamplerSpec, StudySpec } from '../study/spec';
import type { StudyRef } from '../workflows/activity-types';
import { notInLedger } from './not-in-ledger';
import { StudyHistory } from './study-history';

/** What a worker keeps of a study between activities. All of it can be had again from the ledger. */
export interface StudyContext {
  readonly spec: StudySpec;
  readonly specVersion: number;
  readonly history: StudyHistory;
  /** The study's sampler, or the one of an agent that is a sampler itself. */
  readonly sampler: (agent?: string) => Sampler;
  readonly pruner: Pruner;
}

interface Entry {
  context: StudyContext;
  /** By agent; the study's own under ''. */
  readonly samplers: Map<string, { readonly spec: SamplerSpec; readonly sampler: Sampler }>;
  readonly history: StudyHistory;
  readonly seed: number;
  /** By `performance.now`. */
  readAt: number;
  /** What it has decided is of use as long as the study has this pruner. */
  pruner?: { readonly spec: PrunerSpec; readonly pruner: Pruner };
}

/** Studies that a worker remembers at once; the least recently used is forgotten first. */
const most = 64;
/** How old a specification may be where the newest is wanted (milliseconds). */
const fresh = 5000;

export class StudyContexts {
  private readonly entries = new Map<string, Promise<Entry>>();

  /** @param host name of this worker's host */
  constructor(
    private readonly ledger: Ledger,
    private readonly host: string,
  ) {}

  /**
   * The study with its specification at `version` or later.
   * @throws `Unavailable` where the ledger does not have it, `Conflict` where the ledger's study of that name is another one
   */
  async get(ref: StudyRef, version = ref.specVersion ?? 1): Promise<StudyContext> {
    return this.renewed(ref, ({ context }) => context.specVersion < version);
  }

  /**
   * The study as it was seconds ago at most: another worker may have been told of a change.
   * @throws as {@link get}
   */
  async newest(ref: StudyRef): Promise<StudyContext> {
    return this.renewed(ref, ({ readAt }) => performance.now() - readAt > fresh);
  }

  private async renewed(ref: StudyRef, isOld: (entry: Entry) => boolean): Promise<StudyContext> {
    const known = this.entries.get(ref.uuid);
    const entry = await (known ?? this.remember(ref.uuid, this.open(ref)));
    if (isOld(entry)) {
      entry.context = await this.contextOf(ref, entry);
      entry.readAt = performance.now();
    }
    if (known !== undefined) {
      this.entries.delete(ref.uuid);
      this.entries.set(ref.uuid, known);
    }
    return entry.context;
  }

  async close(): Promise<void> {
    const entries = await Promise.allSettled(this.entries.values());
    for (const entry of entries) if (entry.status === 'fulfilled') await closeSamplers(entry.value);
  }

  private remember(uuid: string, opening: Promise<Entry>): Promise<Entry> {
    this.entries.set(uuid, opening);
    opening.catch(() => this.entries.delete(uuid));
    const [oldest] = this.entries.keys();
    if (this.entries.size > most && oldest !== undefined) {
      const forgotten = this.entries.get(oldest);
      this.entries.delete(oldest);
      // One that could not be opened has none; whoever wanted it is told.
      forgotten?.then(closeSamplers).catch(() => undefined);
    }
    return opening;
  }

  private async open(ref: StudyRef): Promise<Entry> {
    const { seed } = await this.confirm(ref);
    const history = new StudyHistory(this.ledger, ref.name);
    const entry: Omit<Entry, 'context'> = { samplers: new Map(), history, seed, readAt: performance.now() };
    return Object.assign(entry, { context: await this.contextOf(ref, entry) });
  }

  private async contextOf(ref: StudyRef, entry: Omit<Entry, 'context'>): Promise<StudyContext> {
    const { spec, specVersion } = await this.confirm(ref);
    const sampler = (agent = ''): Sampler =>
      this.samplerFor(agent, samplerAt(samplerSpec(spec.sampler, agent), spec.programs, this.host), entry);
    return { spec, specVersion, history: entry.history, sampler, pruner: this.prunerFor(spec.pruner, entry) };
  }

  private prunerFor(spec: PrunerSpec, entry: Omit<Entry, 'context'>): Pruner {
    if (entry.pruner === undefined || !isDeepStrictEqual(entry.pruner.spec, spec))
      entry.pruner = { spec, pruner: createPruner(spec) };
    return entry.pruner.pruner;
  }

  private samplerFor(agent: string, spec: SamplerSpec, entry: Omit<Entry, 'context'>): Sampler {
    const known = entry.samplers.get(agent);
    if (known !== undefined && JSON.stringify(known.spec) === JSON.stringify(spec)) return known.sampler;
    void known?.sampler.close();
    const sampler = createBackgroundSampler(spec, spec.seed ?? entry.seed);
    entry.samplers.set(agent, { spec, sampler });
    return sampler;
  }

  /**
   * Runs work that needs the study's rows. If a row is missing, checks whether the whole study is gone.
   * @throws `Gone` as {@link confirm} does, and the errors of the work
   */
  async withStudyCheck<T>(ref: StudyRef, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof PerdureError && error.kind === 'NotFound') await this.confirm(ref);
      throw error;
    }
  }

  /**
   * What the ledger has of it now.
   * @throws `Gone` if the study was deleted or renamed in its ledger; `Unavailable`, `Conflict` as {@link get}
   */
  async confirm(ref: StudyRef): Promise<{ spec: StudySpec; specVersion: number; seed: number }> {
    const found = await this.ledger.findStudy(ref.name);
    if (found?.perdure?.uuid !== ref.uuid && ref.ledger === ledgerIdentity(this.ledger.url)) {
      const what = `study '${ref.name}' was deleted or renamed in its ledger while it ran`;
      throw new PerdureError('Gone', what, { where: this.ledger.url });
    }
    if (found?.perdure == null) throw notInLedger(this.ledger, `study '${ref.name}'`, 'started the study');
    if (found.perdure.uuid !== ref.uuid) {
      throw new PerdureError('Conflict', `the ledger's study '${ref.name}' is another one of the same name`, {
        where: this.ledger.url,
      });
    }
    return found.perdure;
  }
}

/** What proposes for an agent that is a sampler; the study's own sampler for anybody else. */
function samplerSpec(spec: SamplerSpec, agent: string): MethodSpec {
  if (spec.type !== 'agent') return spec;
  const by = spec.agents.find(({ name }) => name === agent)?.by;
  return by?.kind === 'sampler' ? by.sampler : spec.backbone;
}

async function closeSamplers({ samplers }: Entry): Promise<void> {
  for (const { sampler } of samplers.values()) await sampler.close();
}
