import type { ProposerQuestion, ProposerSite, ProposerTrial } from '../agent/proposer';
import type { Ledger } from '../storage/ledger';
import { budgetUsed } from '../study/outcome';
import type { SiteView } from '../study/site-choice';
import type { AgentSpec } from '../study/spec';
import type { Trial } from '../study/trial';
import type { ModelCall, StudyRef } from '../workflows/activity-types';
import { candidatesOf } from './agent-briefing';
import type { SiteWatch } from './site-watch';
import type { StudyContext } from './study-context';

/**
 * What a proposer of the user's is asked, as plain JSON (docs/agent.md has its form): everything that a language model would
 * be told, and the whole history besides.
 */
export async function moduleQuestion(
  { ledger, watch }: { readonly ledger: Ledger; readonly watch: SiteWatch },
  context: StudyContext,
  study: StudyRef,
  agent: AgentSpec,
  { conversation, problems, wanted, round }: ModelCall,
): Promise<ProposerQuestion> {
  const { spec } = context;
  const trials = await ledger.readTrials(study.name, { reports: false });
  // After the trials: a trial is written together with its number here.
  const proposed = new Set(await ledger.proposedNumbers(study.name));
  const sampler = spec.sampler.type === 'agent' ? spec.sampler : null;
  return plain({
    study: spec.name,
    agent: agent.name,
    persona: agent.persona,
    context: sampler?.context ?? '',
    round,
    wanted,
    objectives: spec.objectives,
    space: spec.space,
    budget: { ...spec.budget, begun: budgetUsed(trials, proposed) },
    sites: (await watch.views(study.uuid, spec.sites)).map(siteOf),
    tools: sampler?.tools ?? [],
    trials: trials.map(trialOf),
    candidates: await candidatesOf(context, wanted),
    prompt: conversation.messages.at(-1)?.content ?? '',
    problems,
  });
}

/** As it is after its way to the proposer's process. */
function plain(question: ProposerQuestion): ProposerQuestion {
  return JSON.parse(JSON.stringify(question)) as ProposerQuestion;
}

function trialOf({ number, state, values, params, userAttrs }: Trial): ProposerTrial {
  const { proposed_by = null, fail_reason = null, error = null } = userAttrs;
  return { number, state, values, params, proposed_by, fail_reason, error };
}

function siteOf({ site, state, free, queued }: SiteView): ProposerSite {
  return { name: site, state, free, queued };
}
