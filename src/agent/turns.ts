import type { AgentSamplerSpec, AgentSpec } from '../study/spec';
import type { Idea, RoundRecord, ToolRequest } from './round';

/** Something that waits for a person's yes. */
export type Pending =
  | { readonly number: number; readonly kind: 'trial'; readonly idea: Idea }
  | { readonly number: number; readonly kind: 'request'; readonly request: ToolRequest };

/** Slots that an agent could not fill, and why; the backbone fills them. */
export interface Forfeit {
  readonly count: number;
  readonly reason: string;
}

/** All that a study's later run has to know of its agents. */
export interface AgentState {
  /** Trials given out so far, by whomever. */
  readonly slots: number;
  /** Of those, the slots that each agent has had, filled or forfeited. */
  readonly given: Readonly<Record<string, number>>;
  /** Accepted, and not tried yet. */
  readonly ideas: readonly Idea[];
  readonly pending: readonly Pending[];
  readonly forfeits: Readonly<Record<string, Forfeit>>;
  /** The last round that was begun; 0: none. */
  readonly round: number;
  /** The last number that something pending got. */
  readonly numbered: number;
  /** A person has approved something: with `approval: first` the rest goes through. */
  readonly approved: boolean;
  /** Rounds in a row in which the model was away. */
  readonly away: number;
  /** What became of what the agents asked for, in words for their next rounds; the last few. */
  readonly remarks: readonly string[];
  /** Why no round is begun any more (a limit); `null`: they are. It holds for these limits only. */
  readonly closed: { readonly reason: string; readonly limits: AgentSamplerSpec['limits'] } | null;
}

export const noTurns: AgentState = {
  slots: 0,
  given: {},
  ideas: [],
  pending: [],
  forfeits: {},
  round: 0,
  numbered: 0,
  approved: false,
  away: 0,
  remarks: [],
  closed: null,
};

/** Who fills a slot. */
export type Slot =
  | { readonly by: 'backbone' }
  /** The backbone in an agent's place. */
  | { readonly by: 'backbone'; readonly insteadOf: string; readonly reason: string }
  | { readonly by: 'sampler'; readonly agent: string }
  | { readonly by: 'idea'; readonly idea: Idea };

export interface Plan {
  readonly slots: readonly Slot[];
  /** The state once they are given out. */
  readonly after: AgentState;
  /** Slots that stay free for an agent whose proposals are awaited, by agent. */
  readonly held: Readonly<Record<string, number>>;
}

/**
 * Divides the free slots. An agent is due a slot when its share of all trials, the new one included, is a whole trial more
 * than it has had; so shares are caps at every moment, and the first trial is always the backbone's (the default
 * configuration). A slot that is due and has no idea is held free, and later ones are given out meanwhile.
 */
export function planSlots(state: AgentState, agents: readonly AgentSpec[], room: number): Plan {
  const slots: Slot[] = [];
  const given: Record<string, number> = { ...state.given };
  const forfeits: Record<string, Forfeit> = { ...state.forfeits };
  const held: Record<string, number> = {};
  const ideas = [...state.ideas];
  let total = state.slots;
  // An agent that is held is due in the account of the slots after it, too.
  const heldBy = (name: string): number => held[name] ?? 0;
  for (let i = 0; i < room; i++) {
    const position = total + sum(held) + 1;
    const agent =
      position === 1 ? undefined : mostDue(agents, position, (name) => (given[name] ?? 0) + heldBy(name));
    if (agent === undefined) {
      slots.push({ by: 'backbone' });
      total += 1;
      continue;
    }
    const { name } = agent;
    const forfeit = forfeits[name];
    const at = ideas.findIndex((idea) => idea.agent === name);
    const idea = ideas[at];
    if (agent.by.kind === 'sampler') slots.push({ by: 'sampler', agent: name });
    else if (forfeit !== undefined && forfeit.count > 0) {
      slots.push({ by: 'backbone', insteadOf: name, reason: forfeit.reason });
      forfeits[name] = { ...forfeit, count: forfeit.count - 1 };
    } else if (idea !== undefined) {
      slots.push({ by: 'idea', idea });
      ideas.splice(at, 1);
    } else if (state.closed !== null) {
      slots.push({ by: 'backbone', insteadOf: name, reason: state.closed.reason });
    } else {
      held[name] = heldBy(name) + 1;
      continue;
    }
    given[name] = (given[name] ?? 0) + 1;
    total += 1;
  }
  return { slots, held, after: { ...state, slots: total, given, forfeits, ideas } };
}

/** The agent that is furthest behind its share, among those that are a whole trial behind. */
function mostDue(
  agents: readonly AgentSpec[],
  position: number,
  had: (name: string) => number,
): AgentSpec | undefined {
  let most: { readonly agent: AgentSpec; readonly due: number } | undefined;
  for (const agent of agents) {
    // 0.1 + 0.2 of ten trials are three.
    const due = agent.share * position - had(agent.name) + 1e-9;
    if (due >= 1 && (most === undefined || due > most.due)) most = { agent, due };
  }
  return most?.agent;
}

/** The agent to ask next, and for how much; `null`: nobody is due, or a person is waited for. */
export function nextRound(
  { pending }: AgentState,
  { held }: Plan,
  { agents, batch }: AgentSamplerSpec,
): { readonly agent: AgentSpec; readonly wanted: number } | null {
  const [first] = Object.entries(held).sort(([, a], [, b]) => b - a);
  const agent = agents.find(({ name }) => name === first?.[0]);
  if (agent === undefined || pending.length > 0) return null;
  return { agent, wanted: batch };
}

/** An agent did not fill what it was due: the backbone does. */
export function forfeited(state: AgentState, agent: string, count: number, reason: string): AgentState {
  const before = state.forfeits[agent]?.count ?? 0;
  return { ...state, forfeits: { ...state.forfeits, [agent]: { count: before + count, reason } } };
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((a, b) => a + b, 0);
}

/** Remarks that are kept. */
const mostRemarks = 6;

/** Something that the agents' next rounds are told. */
export function remarked(state: AgentState, remark: string): AgentState {
  return { ...state, remarks: [...state.remarks, remark].slice(-mostRemarks) };
}

/** Ideas that did not come to their turn go back, first. */
export function givenBack(state: AgentState, ideas: readonly Idea[]): AgentState {
  const given = { ...state.given };
  for (const { agent } of ideas) given[agent] = Math.max(0, (given[agent] ?? 0) - 1);
  return { ...state, given, ideas: [...ideas, ...state.ideas] };
}

/** What a round brought, taken in: what needs a person's yes waits, the rest is tried next. */
export function roundEnded(
  state: AgentState,
  record: RoundRecord,
  { approval, limits }: Pick<AgentSamplerSpec, 'approval' | 'limits'>,
  due: number,
): AgentState {
  const away = record.end === 'away' ? state.away + 1 : 0;
  const closed = record.end === 'limits' ? { reason: record.reason, limits } : null;
  const next = { ...state, away, closed };
  const waits = approval === 'every' || (approval === 'first' && !state.approved);
  if (record.ideas.length === 0)
    return pendingRequests(forfeited(next, record.agent, due, record.reason), record, waits);
  if (!waits) return { ...next, ideas: [...next.ideas, ...record.ideas] };
  const pending = record.ideas.map((idea, i) => ({
    number: state.numbered + i + 1,
    kind: 'trial' as const,
    idea,
  }));
  const numbered = state.numbered + pending.length;
  return pendingRequests({ ...next, numbered, pending: [...next.pending, ...pending] }, record, waits);
}

function pendingRequests(state: AgentState, { requests }: RoundRecord, waits: boolean): AgentState {
  if (!waits || requests.length === 0) return state;
  const pending = requests.map((request, i) => ({
    number: state.numbered + i + 1,
    kind: 'request' as const,
    request,
  }));
  return {
    ...state,
    numbered: state.numbered + pending.length,
    pending: [...state.pending, ...pending],
  };
}
