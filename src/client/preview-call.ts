import { nextCall } from '../agent/briefing';
import { mostOf } from '../agent/limits';
import { proposalSchema } from '../agent/proposal-schema';
import type { Conversation, Usage } from '../agent/round';
import { createSampler } from '../samplers';
import type { Ledger } from '../storage/ledger';
import { withCleanUp } from '../study/clean-up';
import { combined, heardOf } from '../study/combined-health';
import type { SiteView } from '../study/site-choice';
import type { Params } from '../study/space';
import type { AgentSpec, StudySpec } from '../study/spec';
import { isFinal, type Trial } from '../study/trial';

/** What an agent would be sent now: all of it. */
export interface CallPreview {
  readonly agent: AgentSpec;
  readonly conversation: Conversation;
  readonly schema: object;
  /** The most that the call can use up; `null` for a proposer of the user's. */
  readonly most: Usage | null;
}

/** The next call of each agent, without making it. A study that is not in the ledger yet has no history. */
export async function previewCalls(ledger: Ledger, spec: StudySpec): Promise<readonly CallPreview[]> {
  const { sampler } = spec;
  if (sampler.type !== 'agent') return [];
  const known = await ledger.findStudy(spec.name);
  const trials = known === null ? [] : await ledger.readTrials(spec.name, { reports: false });
  const proposed = new Set(known === null ? [] : await ledger.proposedNumbers(spec.name));
  const rounds = known === null ? [] : await ledger.listRounds(spec.name);
  const candidates = await candidatesOf(spec, trials, sampler.batch, known?.perdure?.seed ?? 0);
  const sites = await sitesOf(ledger, spec.sites);
  return sampler.agents.flatMap((agent): readonly CallPreview[] => {
    const conversation = nextCall(agent, { spec, trials, proposed, rounds, candidates, sites });
    if (conversation === null) return [];
    const schema = proposalSchema(spec.space, sampler.tools, spec.sites);
    const most =
      agent.by.kind === 'model' ? mostOf(conversation, JSON.stringify(schema).length, agent.by.model) : null;
    return [{ agent, conversation, schema, most }];
  });
}

/** As workers told of them lately; one that nobody told of is expected to take trials. */
async function sitesOf(ledger: Ledger, sites: readonly string[]): Promise<readonly SiteView[]> {
  const rows = await ledger.readSites();
  return sites.map((site) => {
    const health = combined(null, heardOf(site, rows));
    const { state, reason, free, queued } = health ?? { state: 'ok', reason: '', free: null, queued: 0 };
    return { site, state, reason, free, queued };
  });
}

async function candidatesOf(
  { sampler: spec, space, objectives }: StudySpec,
  trials: readonly Trial[],
  count: number,
  seed: number,
): Promise<readonly Params[]> {
  const sampler = createSampler(spec, spec.seed ?? seed);
  return withCleanUp(
    async () => {
      const found: Params[] = [];
      for (let i = 0; i < count; i++) {
        const params = await sampler.propose({
          number: trials.length + i,
          space,
          directions: objectives.map(({ direction }) => direction),
          fixed: {},
          history: {
            finished: trials.filter(({ state }) => isFinal(state)),
            running: trials.filter(({ state }) => state === 'RUNNING'),
          },
        });
        if (params === null) break;
        found.push(params);
      }
      return found;
    },
    () => sampler.close(),
  );
}
