import {
  ActivityFailure,
  isCancellation,
  proxyActivities,
  setCurrentDetails,
  type ActivityOptions,
} from '@temporalio/workflow';
import { criticPrompt, proposePrompt, reflectPrompt, repairPrompt, type Briefing } from '../agent/prompts';
import { readNotes, readVerdicts } from '../agent/read-answers';
import type { CheckedProposal, CheckedRequest } from '../agent/check-proposals';
import {
  addMistakes,
  callName,
  noMistakes,
  type CallPurpose,
  type Conversation,
  type Idea,
  type RoundEnd,
  type RoundRecord,
  type Usage,
} from '../agent/round';
import { appendAll } from '../study/lists';
import type { AgentActivities, ModelReply, RoundBriefing } from './activity-types';
import { asking, boundary, workerDied } from './retry';
import type { RoundInput } from './study-input';

/** How often a model may mend its answer. */
const mostRepairs = 2;
/** How often a call is tried again whose worker died. */
const mostDeaths = 5;
/** Time that a proposer of the user's has (milliseconds); it may call models itself. */
const modulePatience = 30 * 60_000;

/**
 * One round of one agent: observe → reflect on what came of its last proposals → propose → validate, repaired twice at most →
 * critic → accept, or leave it to the backbone. Each call of the model is an activity, and its answer is kept under the
 * number of the round and the step: whatever dies on the way, no answer is asked for twice.
 */
export async function agent(input: RoundInput): Promise<RoundRecord> {
  const round = new Round(input);
  const record = input.wanted === 0 ? await round.lookBack() : await round.run();
  await steps(`round ${String(input.round)}: ${record.end}`).agentRecord(input.study, record);
  setCurrentDetails(described(record));
  return record;
}

function steps(summary: string, options: ActivityOptions = boundary): AgentActivities {
  return proxyActivities<AgentActivities>({ ...options, summary: summary.slice(0, 180) });
}

/** An answer and the call that it came from. */
interface Answered {
  readonly text: string;
  readonly call: string;
  readonly model: string;
}

interface Accepted extends CheckedProposal {
  readonly call: string;
  readonly model: string;
}

class Round {
  private step = 0;
  private used: Usage = { tokens: 0, costUsd: 0 };
  private mistakes = noMistakes;
  private repairs = 0;
  private readonly problems: string[] = [];
  private readonly requests: CheckedRequest[] = [];
  private end: RoundEnd = 'accepted';
  private reason = '';

  constructor(private readonly input: RoundInput) {}

  async run(): Promise<RoundRecord> {
    const { study, specVersion, round, agent: who, wanted } = this.input;
    const asked = `${who.name} is to propose ${String(wanted)}`;
    const seen = await steps(asked).agentObserve(study, specVersion, { round, agent: who.name, wanted });
    const notes = await this.reflect(seen);
    const briefing = this.briefing(seen, notes);
    const proposals = await this.criticise(briefing, await this.propose(briefing));
    if (proposals.length === 0 && this.end === 'accepted') {
      this.end = 'invalid';
      this.reason = `nothing of what it proposed could be used after ${String(this.repairs)} repairs: ${this.problems.at(-1) ?? ''}`;
    }
    return {
      ...this.record(notes, seen),
      end: proposals.length > 0 ? 'accepted' : this.end,
      ideas: this.ideasOf(proposals),
      requests: this.requests.map((request, i) => ({
        ...request,
        id: `${String(round)}-r${String(i + 1)}`,
        agent: who.name,
      })),
    };
  }

  /** Notes on the last proposals of a study, for whoever reads its story or goes on with it. */
  async lookBack(): Promise<RoundRecord> {
    const { study, specVersion, round, agent: who } = this.input;
    const asked = `${who.name} looks back`;
    const seen = await steps(asked).agentObserve(study, specVersion, { round, agent: who.name, wanted: 0 });
    const notes = await this.reflect(seen);
    return { ...this.record(notes, seen), end: 'reflected' };
  }

  private record(notes: string, { seen }: RoundBriefing): RoundRecord {
    const { round, agent: who } = this.input;
    return {
      ...{ round, agent: who.name, end: this.end, reason: this.reason, ideas: [], requests: [] },
      ...{ mistakes: this.mistakes, repairs: this.repairs, problems: this.problems.slice(-10) },
      ...{ notes, seen },
    };
  }

  private briefing(seen: RoundBriefing, notes: string): Briefing {
    const { sampler, agent: who, wanted, sites, remarks } = this.input;
    return { sampler, persona: who.persona, summary: seen.summary, notes, remarks, wanted, sites };
  }

  /** Notes on what its trials have shown since it looked last; without an answer the old ones stay. */
  private async reflect(seen: RoundBriefing): Promise<string> {
    if (!seen.news || this.input.agent.by.kind !== 'model') return seen.notes;
    const answer = await this.ask('reflect', reflectPrompt(this.briefing(seen, seen.notes)), []);
    return answer === null ? seen.notes : (readNotes(answer.text) ?? seen.notes);
  }

  private async propose(briefing: Briefing): Promise<readonly Accepted[]> {
    const { study, specVersion, wanted, besides } = this.input;
    const good: Accepted[] = [];
    // A reflection that found the model away, or the limits used up, has said all.
    if (this.end !== 'accepted') return good;
    let conversation = proposePrompt(briefing);
    let problems: readonly string[] = [];
    for (;;) {
      const answer = await this.ask(this.repairs === 0 ? 'propose' : 'repair', conversation, problems);
      if (answer === null) return good;
      const checked = await steps(`the answer of call ${answer.call}`).agentValidate(study, specVersion, {
        answer: answer.text,
        wanted: wanted - good.length,
        besides: [...besides, ...good.map(({ params }) => params)],
      });
      const { call, model } = answer;
      appendAll(
        good,
        checked.proposals.map((proposal) => ({ ...proposal, call, model })),
      );
      appendAll(this.requests, checked.requests);
      this.mistakes = addMistakes(this.mistakes, checked.mistakes);
      appendAll(this.problems, checked.problems);
      problems = checked.problems;
      if (problems.length === 0 || good.length >= wanted || this.repairs === mostRepairs) return good;
      this.repairs += 1;
      conversation = repairPrompt(conversation, answer.text, problems, wanted - good.length);
    }
  }

  /** What the critic lets through. Where it does not answer, everything, as it was found valid before. */
  private async criticise(briefing: Briefing, proposals: readonly Accepted[]): Promise<readonly Accepted[]> {
    const { sampler, agent: who } = this.input;
    if (!sampler.critic || who.by.kind !== 'model' || proposals.length === 0) return proposals;
    const { end } = this;
    const answer = await this.ask('critic', criticPrompt(briefing, proposals), []);
    if (answer === null) {
      this.end = end;
      return proposals;
    }
    const verdicts = readVerdicts(answer.text, proposals.length);
    return proposals.filter((proposal, i) => {
      const verdict = verdicts[i];
      if (verdict === undefined || verdict.accept) return true;
      this.mistakes = addMistakes(this.mistakes, { ...noMistakes, criticised: 1 });
      this.problems.push(
        `the critic refused ${JSON.stringify(proposal.params)}: ${verdict.reason}`.slice(0, 400),
      );
      return false;
    });
  }

  /** One call. `null`: there is no answer, and the round has its end. */
  private async ask(
    purpose: CallPurpose,
    conversation: Conversation,
    problems: readonly string[],
  ): Promise<Answered | null> {
    const { study, specVersion, round, agent: who, wanted } = this.input;
    this.step += 1;
    const key = { round, step: this.step };
    const call = { ...key, purpose, agent: who.name, conversation, problems, wanted };
    try {
      const reply = await this.called(purpose, callName(key), (activities) => {
        switch (purpose) {
          case 'reflect':
            return activities.agentReflect(study, specVersion, call);
          case 'propose':
            return activities.agentPropose(study, specVersion, call);
          case 'repair':
            return activities.agentRepair(study, specVersion, call);
          case 'critic':
            return activities.agentCritic(study, specVersion, call);
        }
      });
      if (reply.kind === 'answer') {
        this.used = {
          tokens: this.used.tokens + reply.usage.tokens,
          costUsd: this.used.costUsd + reply.usage.costUsd,
        };
        return { text: reply.text, call: callName(key), model: reply.model };
      }
      this.end = 'limits';
      this.reason = reply.reason;
    } catch (error) {
      if (isCancellation(error) || !(error instanceof ActivityFailure)) throw error;
      this.end = 'away';
      this.reason = `the model did not answer: ${error.cause?.message ?? error.message}`.slice(0, 600);
    }
    return null;
  }

  /** A worker's death says nothing about the model, so it does not count among the tries. */
  private async called(
    purpose: CallPurpose,
    name: string,
    make: (activities: AgentActivities) => Promise<ModelReply>,
  ): Promise<ModelReply> {
    const { by } = this.input.agent;
    const [timeout, retries] =
      by.kind === 'model' ? [by.model.timeout, by.model.retries] : [modulePatience, 1];
    // A model that was away in the last round is looked for once, so that the study does not wait for it.
    const options = asking(timeout, this.input.away > 0 ? 1 : retries + 1);
    for (let deaths = 0; ; deaths++) {
      try {
        return await make(steps(`${purpose}, call ${name}`, options));
      } catch (error) {
        if (!workerDied(error) || deaths === mostDeaths) throw error;
      }
    }
  }

  /** What the round has used up is divided among its proposals, so that the sum over trials is what was spent. */
  private ideasOf(proposals: readonly Accepted[]): readonly Idea[] {
    const count = Math.max(1, proposals.length);
    const usage: Usage = {
      tokens: Math.round(this.used.tokens / count),
      costUsd: this.used.costUsd / count,
    };
    return proposals.map((proposal, i) => ({
      id: `${String(this.input.round)}-${String(i + 1)}`,
      agent: this.input.agent.name,
      ...proposal,
      usage,
    }));
  }
}

/** A round at a glance, for Temporal UI. */
function described({ end, reason, ideas, requests, mistakes, repairs, problems }: RoundRecord): string {
  const lines = [
    `**${end}**${reason === '' ? '' : `: ${reason}`}`,
    '',
    ...ideas.map(({ params, rationale }) => `- ${JSON.stringify(params)}: ${rationale}`),
    ...requests.map(({ tool, reason: why }) => `- asks: ${tool} (${why})`),
    `- repairs: ${String(repairs)}; mistakes: ${JSON.stringify(mistakes)}`,
    ...problems.map((problem) => `- problem: ${problem}`),
  ];
  return lines.join('\n').slice(0, 8_000);
}
