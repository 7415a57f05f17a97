import { viewFor } from '../agent/briefing';
import type { SiteView } from '../agent/summary';
import type { Ledger } from '../storage/ledger';
import { loginAttr } from '../study/login-flags';
import type { Params } from '../study/space';
import type { RoundBriefing, RoundQuestion, StudyRef } from '../workflows/activity-types';
import type { StudyContext } from './study-context';

/** How the study stands, for an agent: read from the ledger, at one moment. */
export async function briefingOf(
  ledger: Ledger,
  context: StudyContext,
  study: StudyRef,
  { round, agent, wanted }: RoundQuestion,
): Promise<RoundBriefing> {
  const { spec } = context;
  const now = {
    spec,
    trials: await ledger.readTrials(study.name, { reports: false }),
    rounds: await ledger.listRounds(study.name),
    candidates: await candidatesOf(context, wanted),
    sites: await sitesOf(ledger, study, spec.sites),
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

async function sitesOf(
  ledger: Ledger,
  study: StudyRef,
  sites: readonly string[],
): Promise<readonly SiteView[]> {
  if (sites.length < 2) return [];
  const attrs = (await ledger.findStudy(study.name))?.attrs ?? {};
  return sites.map((name) => ({
    name,
    state: typeof attrs[loginAttr(name)] === 'string' ? 'waits for a person to log in' : 'in use',
  }));
}
