/*
 * Whether the machinery around a language model costs quality, and how a prompt grows: npm run bench:agent
 *
 * The loop of an agent's study without Temporal (shares, summary, answer as text, check, repair, fallback), with a scripted
 * proposer in the model's place, against its backbone TPE and random. All begin with the same default configuration. "ideal"
 * proposes near the optimum; "noisy" does so in one answer of four, and otherwise answers at random, out of range, again, or in prose.
 */
import { performance } from 'node:perf_hooks';
import { viewFor } from '../src/agent/briefing';
import { checkAnswer } from '../src/agent/check-proposals';
import { defaultConfiguration } from '../src/study/default-configuration';
import { proposePrompt } from '../src/agent/prompts';
import type { Idea } from '../src/agent/round';
import { knownKeys } from '../src/agent/summary';
import { noTurns, planSlots, roundEnded } from '../src/agent/turns';
import { createSampler } from '../src/samplers';
import type { Params, SearchSpace } from '../src/study/space';
import type { AgentSamplerSpec, MethodSpec } from '../src/study/spec';
import type { Trial } from '../src/study/trial';
import { bestOf, median, request, trial } from '../test/unit/samplers/histories';
import { studySpec } from '../test/support/study-spec';

interface Problem {
  readonly name: string;
  readonly space: SearchSpace;
  readonly optimum: Params;
  readonly value: (params: Params) => number;
  readonly least: number;
}

const float = (low: number, high: number): SearchSpace[string] => ({
  distribution: { type: 'float', low, high, log: false, step: null },
});

const problems: readonly Problem[] = [
  {
    name: 'Branin',
    space: { x: float(-5, 10), y: float(0, 15) },
    optimum: { x: Math.PI, y: 2.275 },
    value: ({ x, y }) => {
      const [a, b] = [Number(x), Number(y)];
      const bowl = b - (5.1 / (4 * Math.PI ** 2)) * a ** 2 + (5 / Math.PI) * a - 6;
      return bowl ** 2 + 10 * (1 - 1 / (8 * Math.PI)) * Math.cos(a) + 10;
    },
    least: 0.397887,
  },
  {
    name: 'Rosenbrock-5d',
    space: Object.fromEntries(Array.from({ length: 5 }, (_, i) => [`x${String(i)}`, float(-5, 10)])),
    optimum: Object.fromEntries(Array.from({ length: 5 }, (_, i) => [`x${String(i)}`, 1])),
    value: (params) => {
      const x = Object.values(params).map(Number);
      return x
        .slice(1)
        .reduce((sum, next, i) => sum + 100 * (next - (x[i] ?? 0) ** 2) ** 2 + (1 - (x[i] ?? 0)) ** 2, 0);
    },
    least: 0,
  },
];

/** Pseudo-random numbers from 0 to 1 (mulberry32). */
function stream(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

type Answer = (problem: Problem, wanted: number, random: () => number, history: readonly Trial[]) => string;

function near({ space, optimum }: Problem, width: number, random: () => number): Params {
  return Object.fromEntries(
    Object.entries(space).map(([name, { distribution }]) => {
      const [low, high] =
        distribution.type === 'categorical' ? [0, 1] : [distribution.low, distribution.high];
      const value = Number(optimum[name]) + (random() * 2 - 1) * width * (high - low);
      return [name, Math.min(high, Math.max(low, value))];
    }),
  );
}

const asText = (wanted: number, params: () => unknown): string =>
  JSON.stringify({
    proposals: Array.from({ length: wanted }, () => ({ params: params(), rationale: 'scripted' })),
  });

const ideal: Answer = (problem, wanted, random) => asText(wanted, () => near(problem, 0.03, random));

const noisy: Answer = (problem, wanted, random, history) => {
  const kind = Math.floor(random() * 8);
  if (kind < 2) return ideal(problem, wanted, random, history);
  if (kind < 4) return asText(wanted, () => near(problem, 1, random));
  if (kind < 6)
    return asText(wanted, () => Object.fromEntries(Object.keys(problem.space).map((name) => [name, 1e9])));
  if (kind === 6) return asText(wanted, () => history.at(-1)?.params);
  return 'I would rather talk about the weather.';
};

interface Outcome {
  readonly best: number;
  readonly fallbacks: number;
}

async function runAgent(
  problem: Problem,
  answer: Answer,
  share: number,
  trials: number,
  seed: number,
): Promise<Outcome> {
  const agents = [{ name: 'a', persona: '', share, by: { kind: 'module' as const, path: 'scripted' } }];
  const sampler: AgentSamplerSpec = {
    ...{ type: 'agent', seed, backbone: tpe(seed), agents, context: '', batch: 4, critic: false },
    ...{ approval: 'none', limits: { calls: null, tokens: null, cost_usd: null }, tools: [] },
  };
  const backbone = createSampler(tpe(seed), seed);
  const random = stream(seed);
  const finished: Trial[] = [];
  let state = noTurns;
  let fallbacks = 0;
  let round = 0;
  while (finished.length < trials) {
    const plan = planSlots(state, agents, 1);
    state = plan.after;
    const [slot] = plan.slots;
    if (slot === undefined) {
      const ideas = ask(problem, answer, ++round, random, finished);
      const reason = 'nothing was usable';
      state = roundEnded(
        state,
        {
          ...{
            round,
            agent: 'a',
            end: ideas.length > 0 ? 'accepted' : 'invalid',
            reason,
            ideas,
            requests: [],
          },
          ...{
            mistakes: { invalid: 0, inactive: 0, duplicate: 0, unreadable: 0, criticised: 0 },
            repairs: 0,
          },
          ...{ problems: [], notes: '', seen: 0 },
        },
        sampler,
        1,
      );
      continue;
    }
    if (slot.by === 'backbone' && 'insteadOf' in slot) fallbacks += 1;
    const params =
      finished.length === 0
        ? defaultConfiguration(problem.space)
        : slot.by === 'idea'
          ? slot.idea.params
          : ((await backbone.propose(request(problem.space, { finished, running: [] }))) ?? {});
    finished.push(trial(finished.length, { params, values: [problem.value(params)] }));
  }
  return { best: bestOf(finished) - problem.least, fallbacks };
}

/** A round: an answer and two repairs. */
function ask(
  problem: Problem,
  answer: Answer,
  round: number,
  random: () => number,
  history: readonly Trial[],
): readonly Idea[] {
  const found: Params[] = [];
  for (let tries = 0; tries < 3 && found.length < 4; tries++) {
    const known = knownKeys([...history, ...found.map((params) => trial(0, { params }))]);
    const text = answer(problem, 4 - found.length, random, history);
    const checked = checkAnswer(text, {
      space: problem.space,
      known,
      wanted: 4 - found.length,
      tools: [],
      sites: [],
    });
    found.push(...checked.proposals.map(({ params }) => params));
    if (checked.problems.length === 0) break;
  }
  return found.map((params, i) => ({
    ...{ id: `${String(round)}-${String(i)}`, agent: 'a', params, rationale: '', call: '', model: '' },
    usage: { tokens: 0, costUsd: 0 },
  }));
}

function tpe(seed: number): MethodSpec {
  return {
    type: 'tpe',
    seed,
    n_startup_trials: 10,
    n_ei_candidates: 24,
    multivariate: true,
    constant_liar: true,
  };
}

async function runSampler(
  problem: Problem,
  spec: MethodSpec,
  trials: number,
  seed: number,
): Promise<Outcome> {
  const sampler = createSampler(spec, seed);
  const finished: Trial[] = [];
  while (finished.length < trials) {
    const params =
      finished.length === 0
        ? defaultConfiguration(problem.space)
        : ((await sampler.propose(request(problem.space, { finished, running: [] }))) ?? {});
    finished.push(trial(finished.length, { params, values: [problem.value(params)] }));
  }
  return { best: bestOf(finished) - problem.least, fallbacks: 0 };
}

async function quality(trials: number, seeds: number): Promise<void> {
  console.log(
    `median simple regret after ${String(trials)} trials, ${String(seeds)} seeds (trials that fell back to TPE)`,
  );
  const ways: readonly (readonly [string, (problem: Problem, seed: number) => Promise<Outcome>])[] = [
    ['random', (problem, seed) => runSampler(problem, { type: 'random', seed }, trials, seed)],
    ['TPE', (problem, seed) => runSampler(problem, tpe(seed), trials, seed)],
    ['ideal, share 0.3', (problem, seed) => runAgent(problem, ideal, 0.3, trials, seed)],
    ['noisy, share 0.3', (problem, seed) => runAgent(problem, noisy, 0.3, trials, seed)],
    ['noisy, share 1', (problem, seed) => runAgent(problem, noisy, 1, trials, seed)],
  ];
  for (const problem of problems) {
    for (const [name, run] of ways) {
      const outcomes: Outcome[] = [];
      for (let seed = 1; seed <= seeds; seed++) outcomes.push(await run(problem, seed));
      const regret = median(outcomes.map(({ best }) => best)).toPrecision(3);
      const fallbacks = median(outcomes.map((outcome) => outcome.fallbacks));
      console.log(
        `${problem.name.padEnd(14)} ${name.padEnd(17)} ${regret.padStart(10)}  (${String(fallbacks)})`,
      );
    }
  }
}

/** Prompts of a study with every kind of trial in its history. */
function prompts(): void {
  console.log('\nprompt for four proposals as the history grows');
  const spec = studySpec({ objectives: [{ metric: 'loss', direction: 'minimize' }] });
  for (const count of [0, 10, 100, 1_000, 10_000]) {
    const trials = Array.from({ length: count }, (_, i): Trial => {
      const params = { x: 1e-5 * (1 + (i % 9_999)), n: 1 + 2 * (i % 5), c: 'a' };
      if (i % 7 !== 3)
        return trial(i, { params, values: [((i * 37) % 101) / 7], ...(i % 3 === 0 ? own : {}) });
      return trial(i, {
        params,
        state: 'FAIL',
        userAttrs: { fail_reason: 'exit', error: 'exit status 1', output: oom(i) },
      });
    });
    const start = performance.now();
    const view = viewFor('agent', {
      spec,
      trials,
      proposed: new Set(trials.map(({ number }) => number)),
      rounds: [],
      candidates: [{ x: 0.1, n: 3, c: 'b' }],
      sites: [],
    });
    const took = performance.now() - start;
    const sampler = { context: 'Four hundred characters of context. '.repeat(11), tools: [] };
    const { system, messages } = proposePrompt({
      ...{
        sampler,
        persona: '',
        summary: view.summary,
        notes: 'n'.repeat(1_500),
        remarks: [],
        wanted: 4,
        sites: [],
      },
    });
    const size = system.length + (messages[0]?.content.length ?? 0);
    // Four characters a token is what providers say of English text.
    console.log(
      `${String(count).padStart(6)} trials: ${String(size).padStart(6)} characters, some ${String(Math.round(size / 4))} tokens, ${String(Math.round(size / 16))} a proposal; made in ${took.toFixed(1)} ms`,
    );
  }
}

const own: Partial<Trial> = {
  userAttrs: { proposed_by: 'agent', rationale: 'It lies between the two best ones. '.repeat(9) },
};

function oom(i: number): string {
  return `RuntimeError: CUDA out of memory. Tried to allocate ${String(i)} MiB. ${'GPU 0 has a total capacity. '.repeat(20)}`;
}

void quality(Number(process.env['TRIALS'] ?? 60), Number(process.env['SEEDS'] ?? 10)).then(prompts);
