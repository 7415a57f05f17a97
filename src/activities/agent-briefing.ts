import { viewFor } from '../agent/briefing';
import type { Ledger } from '../storage/ledger';
import type { Params } from '../study/space';
import type { RoundBriefing, RoundQuestion, StudyRef } from '../workflows/activity-types';
import type { SiteWatch } from './site-watch';
import type { StudyContext } from './study-context';

/** How the study stands, for an agent: read from the ledger, at one moment. */
export async function briefingOf(
  { ledger, watch }: { readonly ledger: Ledger; readonly watch: SiteWatch },
  context: StudyContext,
  study: StudyRef,
  { round, agent, wanted }: RoundQuestion,
): Promise<RoundBriefing> {
  const { spec } = context;
  const now = {
    spec,
    trials: await ledger.readTrials(study.name, { reports: false }),
    // After the trials: a trial is written together with its number here.
    proposed: new Set(await ledger.proposedNumbers(study.name)),
    rounds: await ledger.listRounds(study.name),
    candidates: await candidatesOf(context, wanted),
    sites: await watch.views(study.uuid, spec.sites),
  };
  return viewFor(agent, now, round);
}

/** What the backbone would propose next. It proposes in any case, so that this spends nothing. */
export async function candidatesOf(context: StudyContext, count: number): Promise<readonly Params[]> {
  const { spec, history, sampler } = context;
  await history.refresh();
  const directions = spec.objectives.map(({ direction }) => direction);
  const found: Params[] = [];
  for (let i = 0; i < count; i++) {
    const params = await sampler().propose({
      number: history.nextNumber + i,
      space: spec.space,
      directions,
      fixed: {},
      history: { finished: history.finished, running: history.running },
    });
    if (params === null) break;
    found.push(params);
  }
  return found;
}
