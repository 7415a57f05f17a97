import { isObject, type Json } from '../study/json';
import { plainLine } from '../study/plain-text';
import type { ParamValue, Params, SearchSpace } from '../study/space';
import { isActive, parameterOf } from '../study/space-activity';
import { checkParams, contains } from '../study/space-membership';
import { agentTools, type AgentTool } from '../study/spec';
import { extractJson } from './extract-json';
import { addMistakes, noMistakes, type Mistakes } from './round';

/** What a model's answer is checked against. */
export interface CheckContext {
  readonly space: SearchSpace;
  /** Keys (see {@link paramsKey}) of trials that were or are being tried, and of proposals accepted before. */
  readonly known: ReadonlySet<string>;
  /** How many proposals are wanted; more than that are passed over. */
  readonly wanted: number;
  /** What it may ask for beside trials. */
  readonly tools: readonly AgentTool[];
  /** The study's sites. */
  readonly sites: readonly string[];
}

export interface CheckedProposal {
  readonly params: Params;
  readonly rationale: string;
  readonly site?: string;
}

export interface CheckedRequest {
  readonly tool: AgentTool;
  readonly arguments: Readonly<Record<string, Json>>;
  readonly reason: string;
}

/** What an answer holds, sorted into what can be used and what is wrong with the rest. */
export interface CheckedAnswer {
  readonly proposals: readonly CheckedProposal[];
  readonly requests: readonly CheckedRequest[];
  /** A sentence each, for the model to mend and for a person to read. */
  readonly problems: readonly string[];
  readonly mistakes: Mistakes;
}

/** Characters of a rationale that are kept. */
const longestRationale = 600;
/** Requests of one answer that are looked at. */
const mostRequests = 8;

/**
 * The proposals in a model's answer that are valid trials now: complete, inside the space, their conditions kept, and no
 * repetitions. Numbers and choices of the space's own parameters are all that gets through; anything else is a problem.
 */
export function checkAnswer(answer: string, context: CheckContext): CheckedAnswer {
  const json = extractJson(answer);
  if (json === undefined) return unreadable('the answer holds no JSON');
  const { proposals: list, requests } = asLists(json);
  if (list === undefined && requests === undefined)
    return unreadable("the answer's JSON has no list 'proposals'");
  const sorted = sortProposals(list ?? [], context);
  const asked = sortRequests(requests ?? [], context.tools);
  return {
    proposals: sorted.proposals,
    requests: asked.requests,
    problems: [...sorted.problems, ...asked.problems],
    mistakes: addMistakes(sorted.mistakes, { ...noMistakes, invalid: asked.problems.length }),
  };
}

function unreadable(problem: string): CheckedAnswer {
  return { proposals: [], requests: [], problems: [problem], mistakes: { ...noMistakes, unreadable: 1 } };
}

function asLists(json: Json): {
  readonly proposals: readonly Json[] | undefined;
  readonly requests: readonly Json[] | undefined;
} {
  if (isList(json)) return { proposals: json, requests: undefined };
  if (json === null || typeof json !== 'object') return { proposals: undefined, requests: undefined };
  const record: Readonly<Record<string, Json>> = json;
  const list = (name: string): readonly Json[] | undefined => {
    const value = Object.hasOwn(record, name) ? record[name] : undefined;
    return value !== undefined && isList(value) ? value : undefined;
  };
  // A single proposal where a list was asked for means a list of one.
  const proposals = list('proposals') ?? (Object.hasOwn(record, 'params') ? [json] : undefined);
  return { proposals, requests: list('requests') };
}

function sortProposals(list: readonly Json[], context: CheckContext): Omit<CheckedAnswer, 'requests'> {
  const proposals: CheckedProposal[] = [];
  const problems: string[] = [];
  const known = new Set(context.known);
  let mistakes = noMistakes;
  for (const [index, item] of list.entries()) {
    if (proposals.length >= context.wanted) break;
    const name = `proposal ${String(index + 1)}`;
    const { params: given, rationale, site } = fieldsOf(item);
    const params = given === undefined ? undefined : trimmed(context.space, given);
    if (params === undefined) {
      problems.push(`${name} has no object 'params' of numbers and choices`);
      mistakes = addMistakes(mistakes, { ...noMistakes, invalid: 1 });
      continue;
    }
    const wrong = checkParams(context.space, params, { partial: false });
    if (wrong.length > 0) {
      problems.push(`${name}: ${plainLine(wrong.map(({ message }) => message).join('; '), 400)}`);
      const inactive = wrong.every(({ message }) => / is not active | is missing$/.test(message));
      mistakes = addMistakes(mistakes, { ...noMistakes, ...(inactive ? { inactive: 1 } : { invalid: 1 }) });
      continue;
    }
    const key = paramsKey(params);
    if (known.has(key)) {
      problems.push(`${name} repeats a trial that was tried or proposed already`);
      mistakes = addMistakes(mistakes, { ...noMistakes, duplicate: 1 });
      continue;
    }
    // Where there is nothing to choose, whatever it says of a site means the only one.
    const preferred = context.sites.length > 1 ? site : undefined;
    if (preferred !== undefined && !context.sites.includes(preferred)) {
      const asked = plainLine(JSON.stringify(preferred), 60);
      problems.push(`${name} names the site ${asked}; the study has: ${context.sites.join(', ')}`);
      mistakes = addMistakes(mistakes, { ...noMistakes, invalid: 1 });
      continue;
    }
    known.add(key);
    proposals.push({
      params,
      rationale: plainLine(rationale, longestRationale),
      ...(preferred === undefined ? {} : { site: preferred }),
    });
  }
  if (list.length === 0 && context.wanted > 0) {
    problems.push("the list 'proposals' is empty");
    mistakes = addMistakes(mistakes, { ...noMistakes, unreadable: 1 });
  }
  return { proposals, problems, mistakes };
}

/** A proposal as `{params, rationale}`, or its parameters alone. */
function fieldsOf(item: Json): {
  readonly params: Readonly<Record<string, Json>> | undefined;
  readonly rationale: string;
  readonly site: string | undefined;
} {
  if (!isObject(item)) return { params: undefined, rationale: '', site: undefined };
  const wrapped = Object.hasOwn(item, 'params') ? item['params'] : item;
  const rationale = Object.hasOwn(item, 'rationale') ? item['rationale'] : '';
  const site = Object.hasOwn(item, 'site') ? item['site'] : undefined;
  return {
    params: wrapped !== undefined && isObject(wrapped) ? wrapped : undefined,
    rationale: typeof rationale === 'string' ? rationale : '',
    site: typeof site === 'string' && site !== '' ? site : undefined,
  };
}

/**
 * The parameters without the nulls that strict modes need for those that are inactive; `undefined` where a value is neither
 * number, text, truth value nor null.
 */
function trimmed(space: SearchSpace, given: Readonly<Record<string, Json>>): Params | undefined {
  const params: Record<string, ParamValue> = {};
  for (const [name, value] of Object.entries(given)) {
    if (value !== null && typeof value === 'object') return undefined;
    Object.defineProperty(params, name, { value, enumerable: true, writable: true, configurable: true });
  }
  for (const [name, value] of Object.entries(params)) {
    const parameter = parameterOf(space, name);
    if (value !== null || parameter === undefined) continue;
    if (!contains(parameter, null) || !isActive(space, name, params)) Reflect.deleteProperty(params, name);
  }
  return params;
}

function sortRequests(
  list: readonly Json[],
  tools: readonly AgentTool[],
): { readonly requests: readonly CheckedRequest[]; readonly problems: readonly string[] } {
  const requests: CheckedRequest[] = [];
  const problems: string[] = [];
  for (const item of list.slice(0, mostRequests)) {
    if (!isObject(item)) {
      problems.push('a request is no object');
      continue;
    }
    const tool = agentTools.find((one) => one === item['tool']);
    if (tool === undefined || !tools.includes(tool)) {
      const asked = plainLine(JSON.stringify(item['tool'] ?? null), 60);
      problems.push(`${asked} is not among the tools: ${tools.join(', ') || 'there are none'}`);
      continue;
    }
    const given = item['arguments'];
    const args = typeof given === 'string' ? extractJson(given) : given;
    if (tool !== 'stop_study' && (args === undefined || !isObject(args))) {
      problems.push(`the request ${tool} has no object 'arguments'`);
      continue;
    }
    const reason = typeof item['reason'] === 'string' ? plainLine(item['reason'], longestRationale) : '';
    requests.push({ tool, arguments: args !== undefined && isObject(args) ? args : {}, reason });
  }
  return { requests, problems };
}

/** The same for the same trial: floats that differ in the tenth digit only count as equal. */
export function paramsKey(params: Params): string {
  const entries = Object.entries(params)
    .map(
      ([name, value]) => [name, typeof value === 'number' ? Number(value.toPrecision(10)) : value] as const,
    )
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify(entries);
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}
