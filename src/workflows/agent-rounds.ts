import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import {
  CancellationScope,
  executeChild,
  isCancellation,
  log,
  patched,
  proxyActivities,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import { approved, type Decision } from '../agent/decisions';
import { noMistakes, type Idea, type RoundRecord, type ToolRequest } from '../agent/round';
import { toolAction } from '../agent/tool-action';
import {
  forfeited,
  givenBack,
  nextRound,
  noTurns,
  planSlots,
  remarked,
  roundEnded,
  type AgentState,
  type Pending,
  type Slot,
} from '../agent/turns';
import { messageOf, PerdureError } from '../study/error';
import { searchAttributes, studyKeyword } from '../study/search-attributes';
import type { Params } from '../study/space';
import { isActive } from '../study/space-activity';
import { checkParams } from '../study/space-membership';
import type { AgentSamplerSpec, AgentSpec } from '../study/spec';
import type { StudyStateMachine } from '../study/study-state';
import { roundWorkflowId } from '../study/workflow-id';
import type { AgentActivities, Proposals, StudyActivities, StudyRef } from './activity-types';
import type { agent } from './agent';
import { approveProposal, rejectProposal, type WhichProposal } from './messages';
import { boundary } from './retry';
import { mustHaveRoom, refuse, roomToWait, type Requests } from './study-requests';
import type { AgentDetails } from './study-details';
import type { TrialWindow } from './trial-window';

const activities = proxyActivities<StudyActivities & AgentActivities>(boundary);

/**
 * The agents of a study: whose turn it is, the rounds in which they propose (a child workflow each, one at a time), and what
 * of that waits for a person. In a study without agents it does nothing.
 */
export class AgentRounds {
  private turns: AgentState | undefined;
  private life = new CancellationScope();
  private running = false;
  /** Slots that the round under way is to fill. */
  private due = 0;
  private readonly lookedBack = new Set<string>();
  /** Why the last round brought nothing. */
  private last = '';

  constructor(
    private readonly ref: StudyRef,
    private readonly state: StudyStateMachine,
    private readonly window: TrialWindow,
    private readonly requests: Requests,
    carried: AgentState | undefined,
  ) {
    this.turns = carried;
    setHandler(approveProposal, (which) => this.approve(which), {
      validator: (which: WhichProposal & { readonly edit?: Params }) => {
        this.checkApproval(which);
      },
    });
    setHandler(rejectProposal, (which) => this.reject(which), {
      validator: (which: WhichProposal) => {
        this.named(which);
      },
    });
  }

  /** No round is under way. */
  get idle(): boolean {
    return !this.running;
  }

  /** How it stands with the agents, in Markdown. */
  get details(): AgentDetails {
    if (this.turns === undefined || this.state.spec.sampler.type !== 'agent')
      return { lines: [], approvals: [] };
    const { round, pending, ideas } = this.turns;
    const lines = [
      `- agents: ${String(round)} rounds, ${String(ideas.length)} proposals not tried yet${this.running ? ', one round under way' : ''}`,
      ...(this.last === '' ? [] : [`- last round: ${this.last}`]),
      ...pending.map(({ number, ...one }) => {
        const what = one.kind === 'trial' ? JSON.stringify(one.idea.params) : one.request.tool;
        return `- proposal ${String(number)}: ${what}`;
      }),
    ];
    return { lines, approvals: pending.map(({ number }) => number) };
  }

  get carried(): { readonly carriedAgent?: AgentState } {
    return this.turns === undefined ? {} : { carriedAgent: this.turns };
  }

  /**
   * Who fills the free slots, those left out that are held for an agent, which is asked now; `undefined` where the study has
   * no agents.
   */
  slots(room: number): readonly Slot[] | undefined {
    const { sampler } = this.state.spec;
    if (sampler.type !== 'agent') return undefined;
    const before = opened(this.turns ?? this.first(), sampler);
    const plan = planSlots(before, sampler.agents, room);
    this.turns = plan.after;
    const next = nextRound(plan.after, plan, sampler);
    if (next !== null && !this.running) {
      this.due = plan.held[next.agent.name] ?? 1;
      this.begin(next.agent, next.wanted, sampler);
    }
    return plan.slots;
  }

  /** Takes in which ideas were tried; those that were not come to their turn later. */
  tried(slots: readonly Slot[], { trials, dropped = [] }: Proposals): void {
    const gone = new Set([...trials.flatMap(({ idea }) => idea ?? []), ...dropped]);
    const left = slots.flatMap((slot) => (slot.by === 'idea' && !gone.has(slot.idea.id) ? [slot.idea] : []));
    if (left.length > 0 && this.turns !== undefined) this.turns = givenBack(this.turns, left);
  }

  /**
   * Lets each model that has proposed look back once at what came of its last proposals, where the study is complete and the
   * model within reach; the last thing that a study does.
   */
  lookBack(): boolean {
    const { sampler } = this.state.spec;
    const { turns } = this;
    if (sampler.type !== 'agent' || turns === undefined || this.state.ending?.state !== 'complete')
      return false;
    if (turns.away > 0 || turns.closed !== null) return false;
    const next = sampler.agents.find(
      ({ name, by }) => by.kind === 'model' && (turns.given[name] ?? 0) > 0 && !this.lookedBack.has(name),
    );
    if (next === undefined) return false;
    this.lookedBack.add(next.name);
    this.begin(next, 0, sampler);
    return true;
  }

  /** Ends the round where the study is ending. */
  follow(): void {
    if (this.running && this.state.ending !== null && !this.life.consideredCancelled) this.life.cancel();
  }

  /** A study that gets its agents in its middle: what was tried so far is nobody's turn. */
  private first(): AgentState {
    const slots = this.state.tally.ended + this.state.running.length;
    return { ...noTurns, slots };
  }

  private begin(who: AgentSpec, wanted: number, sampler: AgentSamplerSpec): void {
    this.running = true;
    // It ended with a budget that is larger by now; what is begun in an ended scope ends at once, and would be begun again for ever.
    if (this.life.consideredCancelled && this.state.ending === null && patched('rounds-begin-anew'))
      this.life = new CancellationScope();
    const state = this.turns ?? noTurns;
    this.turns = { ...state, round: state.round + 1 };
    const round = state.round + 1;
    CancellationScope.nonCancellable(() => this.run(who, wanted, sampler, round, state))
      .catch((error: unknown) => {
        this.state.fail(`round ${String(round)} of agent '${who.name}' went wrong: ${innerMessage(error)}`);
      })
      .finally(() => {
        this.running = false;
        this.window.touch();
      });
  }

  private async run(
    who: AgentSpec,
    wanted: number,
    sampler: AgentSamplerSpec,
    round: number,
    { remarks, away, ideas }: AgentState,
  ): Promise<void> {
    const { spec, specVersion } = this.state;
    const last = wanted === 0;
    const ended = await (last ? new CancellationScope() : this.life)
      .run(() =>
        executeChild<typeof agent>('agent', {
          workflowId: roundWorkflowId(workflowInfo().workflowId, round),
          workflowTaskTimeout: workflowInfo().taskTimeoutMs,
          args: [
            {
              ...{ study: this.ref, specVersion, sampler, sites: spec.sites, agent: who, round, wanted },
              ...{ besides: ideas.map(({ params }) => params), remarks },
              // The end of a study waits for one answer, not for an outage.
              away: last ? 1 : away,
            },
          ],
          staticSummary: `round ${String(round)}: ${who.name} ${last ? 'looks back' : `proposes ${String(wanted)}`}`,
          typedSearchAttributes: [{ key: searchAttributes.study, value: studyKeyword(spec.name) }],
        }),
      )
      .catch((error: unknown) => {
        if (isCancellation(error)) return null;
        log.warn('a round ended without a word', { round, error });
        return this.lost(who, round, error);
      });
    if (ended === null || last) return;
    this.last = ended.ideas.length > 0 ? '' : `${ended.end}: ${ended.reason}`;
    this.turns = roundEnded(this.turns ?? noTurns, ended, sampler, Math.max(1, this.due));
    if (this.turns.pending.length > 0) await this.tell();
    else await this.carryOut(ended.requests);
  }

  /** Its workflow was ended by hand, or is somebody else's. */
  private async lost(who: AgentSpec, round: number, error: unknown): Promise<RoundRecord> {
    const taken = error instanceof WorkflowExecutionAlreadyStartedError;
    const why = taken ? 'another workflow has the name of its round' : innerMessage(error);
    const record: RoundRecord = {
      ...{
        round,
        agent: who.name,
        end: 'away',
        reason: `the round was lost: ${why}`,
        ideas: [],
        requests: [],
      },
      ...{ mistakes: noMistakes, repairs: 0, problems: [], notes: '', seen: 0 },
    };
    await activities.agentRecord(this.ref, record);
    return record;
  }

  /** What the agent asks of the study, each as a person's request; what became of it is told to the agents and recorded. */
  private async carryOut(requests: readonly ToolRequest[]): Promise<void> {
    const decisions: Decision[] = [];
    for (const request of requests) {
      const outcome = await this.carryOutOne(request);
      decisions.push({ id: request.id, outcome });
      this.remark(`${request.tool} ${JSON.stringify(request.arguments)}: ${outcome}`);
    }
    if (decisions.length > 0) await activities.agentDecide(this.ref, decisions);
  }

  private async carryOutOne(request: ToolRequest): Promise<string> {
    try {
      await this.requests.inTurn(async () => {
        const action = toolAction(request, this.state.spec);
        switch (action.kind) {
          case 'stop':
            this.state.stop(`stopped by agent '${request.agent}': ${request.reason}`);
            return;
          case 'adjust':
            this.state.adjust(action.adjustment);
            await activities.saveSpec(this.ref, this.state.specVersion, this.state.spec);
            return;
          case 'enqueue':
            mustHaveRoom(this.state);
            mustFit(checkParams(this.state.spec.space, action.params, { partial: true }));
            await activities.enqueueTrial(
              this.ref,
              `agent/${request.id}`,
              action.params,
              { proposed_by: request.agent, rationale: request.reason },
              roomToWait(this.state),
            );
        }
      });
      return 'done';
    } catch (error) {
      if (isCancellation(error)) throw error;
      return `refused: ${innerMessage(error)}`;
    }
  }

  private checkApproval({ edit, ...which }: WhichProposal & { readonly edit?: Params }): void {
    const named = this.named(which);
    if (edit === undefined) return;
    const [only] = named;
    if (named.length > 1 || only === undefined)
      throw refuse('InvalidInput', 'several proposals wait; say which one is to be edited');
    if (only.kind !== 'trial') throw refuse('InvalidInput', 'a request can be approved or refused as it is');
    mustFit(checkParams(this.state.spec.space, this.edited(only.idea, edit).params, { partial: false }));
  }

  /** The idea with other values; parameters that are not active with them are left out. */
  private edited(idea: Idea, edit: Params): Idea {
    const merged = { ...idea.params, ...edit };
    const params = Object.fromEntries(
      Object.entries(merged).filter(
        ([name]) => Object.hasOwn(edit, name) || isActive(this.state.spec.space, name, merged),
      ),
    );
    return { ...idea, params };
  }

  private async approve({
    edit,
    ...which
  }: WhichProposal & { readonly edit?: Params }): Promise<readonly number[]> {
    const named = this.named(which);
    const ideas = named.flatMap((one) => (one.kind === 'trial' ? [one.idea] : []));
    const changed = edit === undefined ? ideas : ideas.map((idea) => this.edited(idea, edit));
    const before = this.without(named);
    this.turns = { ...before, approved: true, ideas: [...before.ideas, ...changed] };
    if (edit !== undefined)
      this.remark(`a person changed a proposal to ${JSON.stringify(changed[0]?.params)}`);
    // Written down first: whoever opens the study again finds what was approved, as it was approved.
    const decisions = changed.map(({ id, params }) => ({ id, outcome: approved, params }));
    if (decisions.length > 0) await activities.agentDecide(this.ref, decisions);
    await this.carryOut(named.flatMap((one) => (one.kind === 'request' ? [one.request] : [])));
    await this.tell();
    this.window.touch();
    return named.map(({ number }) => number);
  }

  private async reject({
    reason = '',
    ...which
  }: WhichProposal & { readonly reason?: string }): Promise<readonly number[]> {
    const named = this.named(which);
    const why = `refused by a person${reason === '' ? '' : `: ${reason.slice(0, 300)}`}`;
    let turns = this.without(named);
    for (const one of named) {
      if (one.kind === 'trial') turns = forfeited(turns, one.idea.agent, 1, why);
      const what = one.kind === 'trial' ? JSON.stringify(one.idea.params) : one.request.tool;
      turns = remarked(turns, `${what} was ${why}`);
    }
    this.turns = turns;
    const decisions = named.map((one) => ({
      id: one.kind === 'trial' ? one.idea.id : one.request.id,
      outcome: why,
    }));
    await activities.agentDecide(this.ref, decisions);
    await this.tell();
    this.window.touch();
    return named.map(({ number }) => number);
  }

  private without(named: readonly Pending[]): AgentState {
    const state = this.turns ?? noTurns;
    const gone = new Set(named.map(({ number }) => number));
    return { ...state, pending: state.pending.filter(({ number }) => !gone.has(number)) };
  }

  private named({ number }: WhichProposal): readonly Pending[] {
    const pending = this.turns?.pending ?? [];
    if (pending.length === 0) throw refuse('Conflict', 'nothing waits for approval');
    if (number === undefined) return pending;
    const found = pending.filter((one) => one.number === number);
    if (found.length > 0) return found;
    const numbers = pending.map((one) => String(one.number)).join(', ');
    throw refuse('NotFound', `no proposal ${String(number)} waits for approval`, `there are: ${numbers}`);
  }

  private remark(text: string): void {
    this.turns = remarked(this.turns ?? noTurns, text.slice(0, 300));
  }

  private tell(): Promise<void> {
    return activities.agentAwait(this.ref, this.turns?.pending ?? []);
  }
}

/** The limits were raised, or the agents are others: rounds are begun again. */
function opened(state: AgentState, { limits }: AgentSamplerSpec): AgentState {
  if (state.closed === null || JSON.stringify(state.closed.limits) === JSON.stringify(limits)) return state;
  return { ...state, closed: null };
}

function mustFit(problems: readonly { readonly message: string }[]): void {
  if (problems.length > 0) throw refuse('InvalidInput', problems.map(({ message }) => message).join('; '));
}

function innerMessage(error: unknown): string {
  if (error instanceof PerdureError) return error.text;
  if (error instanceof Error && error.cause instanceof Error) return innerMessage(error.cause);
  return messageOf(error);
}
