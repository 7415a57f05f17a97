import { paramsKey } from '../agent/check-proposals';
import { defaultConfiguration } from '../study/default-configuration';
import type { Idea } from '../agent/round';
import { knownKeys } from '../agent/summary';
import type { Slot } from '../agent/turns';
import type { Ledger, Proposed } from '../storage/ledger';
import type { Json } from '../study/json';
import type { Params } from '../study/space';
import { checkParams } from '../study/space-membership';
import type { StudySpec } from '../study/spec';
import type { Trial } from '../study/trial';
import type { StudyRef, TrialStart } from '../workflows/activity-types';
import type { StudyHistory } from './study-history';
import { summaryOf } from './trial-summary';

/** Where a trial of an agent's study comes from. */
interface Origin {
  /** Absent: a sampler is asked. */
  readonly params?: Params;
  /** The agent whose sampler that is; absent: the backbone. */
  readonly agent?: string;
  readonly userAttrs: Readonly<Record<string, Json>>;
}

/** Decides of each slot what fills it in the study as it is now, and says so in the trial's user attributes. */
export class Origins {
  private readonly dropped_: string[] = [];
  private known: Set<string> | undefined;

  constructor(
    private readonly spec: StudySpec,
    private readonly history: StudyHistory,
  ) {}

  /** Ideas that can't be tried any more. */
  get dropped(): readonly string[] {
    return this.dropped_;
  }

  /** `undefined` in a study without agents. */
  of(slot: Slot, number: number, batch: readonly Trial[]): Origin | undefined {
    const { sampler, space } = this.spec;
    if (sampler.type !== 'agent') return undefined;
    const backbone = sampler.backbone.type;
    if (number === 0) return { params: defaultConfiguration(space), userAttrs: { proposed_by: 'default' } };
    switch (slot.by) {
      case 'sampler':
        return { agent: slot.agent, userAttrs: { proposed_by: slot.agent } };
      case 'backbone':
        if (!('insteadOf' in slot)) return { userAttrs: { proposed_by: backbone } };
        return { userAttrs: fallback(backbone, slot.insteadOf, slot.reason) };
      case 'idea': {
        const { idea } = slot;
        const why = this.problem(idea, batch);
        if (why === null) return { params: idea.params, userAttrs: ideaAttrs(idea) };
        this.dropped_.push(idea.id);
        return { userAttrs: { ...fallback(backbone, idea.agent, why), dropped_idea: idea.id } };
      }
    }
  }

  /** The study may have changed since the idea was accepted. */
  private problem({ params }: Idea, batch: readonly Trial[]): string | null {
    const [wrong] = checkParams(this.spec.space, params, { partial: false });
    if (wrong !== undefined) return `the space has changed since it was proposed: ${wrong.message}`;
    this.known ??= knownKeys([...this.history.finished, ...this.history.running]);
    const key = paramsKey(params);
    return this.known.has(key) || knownKeys(batch).has(key) ? 'it was tried meanwhile' : null;
  }
}

function fallback(backbone: string, insteadOf: string, reason: string): Readonly<Record<string, Json>> {
  return { proposed_by: backbone, instead_of: insteadOf, fallback: reason };
}

function ideaAttrs(idea: Idea): Readonly<Record<string, Json>> {
  return {
    proposed_by: idea.agent,
    rationale: idea.rationale,
    agent_idea: idea.id,
    agent_call: idea.call,
    agent_model: idea.model,
    agent_tokens: idea.usage.tokens,
    agent_cost_usd: idea.usage.costUsd,
    ...(idea.site === undefined ? {} : { preferred_site: idea.site }),
  };
}

/** The trials to start, with what the ledger has of their origin: the same whoever wrote them, and when. */
export async function originsOf(
  ledger: Ledger,
  study: StudyRef,
  written: readonly Proposed[],
): Promise<readonly TrialStart[]> {
  if (written.length === 0) return [];
  const numbers = written.map(({ number }) => number);
  const trials = await ledger.readTrials(study.name, { numbers, reports: false });
  const attrs = new Map(trials.map(({ number, userAttrs }) => [number, userAttrs]));
  return written.map(({ number, params }) => {
    const { proposed_by, agent_idea, preferred_site } = attrs.get(number) ?? {};
    const by = typeof proposed_by === 'string' ? proposed_by : 'enqueued';
    return {
      number,
      summary: `${by}: ${summaryOf(params)}`,
      ...(typeof agent_idea === 'string' ? { idea: agent_idea } : {}),
      ...(typeof preferred_site === 'string' ? { site: preferred_site } : {}),
    };
  });
}
