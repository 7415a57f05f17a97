// @ts-nocheck Plain JavaScript without types, to be taken as it is.
/*
 * A proposer of Perdure as a LangGraph graph. It has a branch (explore while little is known or nothing improves, exploit
 * otherwise) and a loop (a draft that repeats a trial is drafted anew, with wider steps). It needs no language model, so that it
 * runs anywhere; a node that calls one is written in the same place.
 *
 *   observe ──► explore ──► check ──► END
 *          └──► exploit ──►   │
 *                 ▲───────────┘ not enough drafts yet
 */
import { Annotation, END, START, StateGraph } from '@langchain/langgraph';

const State = Annotation.Root({
  question: Annotation(),
  mode: Annotation(),
  best: Annotation(),
  width: Annotation(),
  drafts: Annotation(),
  accepted: Annotation(),
  loops: Annotation(),
});

/** What is known: the best trial, and whether the last few have improved on it. */
function observe({ question }) {
  const [{ direction }] = question.objectives;
  const better = (a, b) => (direction === 'minimize' ? a.values[0] - b.values[0] : b.values[0] - a.values[0]);
  const complete = question.trials.filter(({ state }) => state === 'COMPLETE');
  const best = complete.toSorted(better)[0] ?? null;
  const recent = complete.slice(-6);
  const stuck = best !== null && recent.length === 6 && !recent.includes(best);
  const mode = complete.length < 3 || stuck ? 'explore' : 'exploit';
  return { mode, best, width: 0.1, accepted: [], loops: 0 };
}

/** Anywhere in the space. */
function explore({ question, accepted }) {
  return { drafts: drafts(question, accepted, (name, { distribution }) => anywhere(distribution)) };
}

/** Around the best trial, as wide as the loop has made it. */
function exploit({ question, accepted, best, width }) {
  const near = (name, { distribution }) => {
    const center = best.params[name];
    if (center === undefined || distribution.type === 'categorical')
      return center === undefined || Math.random() < width ? anywhere(distribution) : center;
    return around(distribution, center, width);
  };
  return { drafts: drafts(question, accepted, near) };
}

/** Keeps the drafts that are new; what is missing is drafted again, further out. */
function check({ question, drafts: made, accepted, width, loops }) {
  const known = new Set([...question.trials, ...accepted].map(({ params }) => key(params)));
  const fresh = made.filter(({ params }) => !known.has(key(params)) && known.add(key(params)));
  return { accepted: [...accepted, ...fresh], width: Math.min(1, width * 2), loops: loops + 1 };
}

const graph = new StateGraph(State)
  .addNode('observe', observe)
  .addNode('explore', explore)
  .addNode('exploit', exploit)
  .addNode('check', check)
  .addEdge(START, 'observe')
  .addConditionalEdges('observe', ({ mode }) => mode, ['explore', 'exploit'])
  .addEdge('explore', 'check')
  .addEdge('exploit', 'check')
  .addConditionalEdges(
    'check',
    ({ accepted, question, loops, mode }) => (accepted.length >= question.wanted || loops >= 8 ? END : mode),
    ['explore', 'exploit', END],
  )
  .compile();

/** @param question what docs/agent.md calls the question to a proposer */
export default async function propose(question) {
  const { accepted, mode, best, loops } = await graph.invoke({ question });
  const why = mode === 'explore' ? 'little is known, or nothing improves' : `near trial ${best.number}`;
  return {
    proposals: accepted.map(({ params }) => ({ params, rationale: `${mode}: ${why} (${loops} drafts)` })),
  };
}

/** As many drafts as are still wanted; parents before children, so that conditions are kept. */
function drafts({ space, wanted }, accepted, value) {
  return Array.from({ length: wanted - accepted.length }, () => {
    const params = {};
    const open = new Map(Object.entries(space));
    while (open.size > 0) {
      for (const [name, parameter] of open) {
        const parents = Object.entries(parameter.when ?? {});
        if (parents.some(([parent]) => open.has(parent))) continue;
        open.delete(name);
        if (parents.every(([parent, values]) => values.includes(params[parent])))
          params[name] = value(name, parameter);
      }
    }
    return { params };
  });
}

function anywhere(distribution) {
  if (distribution.type === 'categorical')
    return distribution.choices[Math.floor(Math.random() * distribution.choices.length)];
  return fromUnit(distribution, Math.random());
}

function around(distribution, center, width) {
  const { low, high, log } = distribution;
  const unit = log ? Math.log(center / low) / Math.log(high / low) : (center - low) / (high - low);
  return fromUnit(distribution, Math.min(1, Math.max(0, unit + (Math.random() * 2 - 1) * width)));
}

function fromUnit({ type, low, high, log, step }, unit) {
  const value = log ? low * (high / low) ** unit : low + (high - low) * unit;
  const size = step ?? (type === 'int' ? 1 : null);
  const onStep = size === null ? value : low + Math.round((value - low) / size) * size;
  return Math.min(high, Math.max(low, type === 'int' ? Math.round(onStep) : onStep));
}

function key(params) {
  return JSON.stringify(Object.entries(params).sort(([a], [b]) => (a < b ? -1 : 1)));
}
