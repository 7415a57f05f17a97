import {
  isAlias,
  isCollection,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  visit,
  type Document,
  type ParsedNode,
} from 'yaml';
import { inexactHint, inexactText, isInexact } from './exact-numbers';
import { invalidInput, type PlacedProblem, type Problem } from '../study/problem';
import { messageOf } from '../study/error';
import { appendAll } from '../study/lists';

/** Where a problem is, for its message. With `key`, the place of the last part's name and not of its value. */
export type Place = (path: Problem['path'], options?: { readonly key?: boolean }) => string;

/** What a file says, and where it says it. */
export interface Source {
  readonly data: unknown;
  readonly place: Place;
}

type Node = ParsedNode | null;

/** A name with a `*`, with its place, and whether the anchor of that name is above. */
interface UsedAlias {
  readonly source: string;
  readonly offset: number;
  readonly anchored: boolean;
}

/**
 * Reads YAML 1.2 (JSON included), with anchors and merge keys.
 * @param file its name, for the places: `FILE:LINE:COLUMN`
 * @param language what the user takes it for, in the messages
 * @throws {@link PerdureError} `InvalidInput` that tells of every mistake in the syntax
 */
export function parseYaml(text: string, file: string, language: 'YAML' | 'JSON' = 'YAML'): Source {
  const lines = new LineCounter();
  const at = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${String(Math.max(line, 1))}:${String(Math.max(col, 1))}`;
  };
  const fail = (offset: number, message: string, hint?: string): never => {
    throw invalidInput([{ where: at(offset), message, hint }]);
  };
  let document;
  try {
    document = parseDocument(text, { lineCounter: lines, prettyErrors: false, merge: true });
  } catch {
    // The parser recurses; only a file made to break it gets here.
    return fail(0, `this can not be read as ${language}: it is nested too deeply`);
  }
  const problems = [...document.errors, ...document.warnings]
    .sort((a, b) => a.pos[0] - b.pos[0])
    // Of a cascade of errors the first says most; these two kinds come singly.
    .filter(({ code }, index) => index === 0 || code === 'DUPLICATE_KEY' || code === 'TAG_RESOLVE_FAILED')
    .map(({ code, message, pos }): PlacedProblem => ({
      where: at(pos[0]),
      ...explained(code, message, language),
    }));
  const aliases = aliasesOf(document);
  if (problems.length === 0) {
    const lost = aliases.filter(({ anchored }) => !anchored);
    appendAll(problems, [
      ...inexactNumbers(document, at),
      ...oddNames(document, at),
      ...lost.map(({ source, offset }) => ({
        where: at(offset),
        message: `there is no anchor '&${source}' above`,
        hint: `an anchor (&name) comes before its alias (*name); a text that begins with * goes in quotes: "*${source}"`,
      })),
    ]);
  }
  if (problems.length > 0) throw invalidInput(problems);
  try {
    const data: unknown = document.toJS({ maxAliasCount: 1000 });
    return { data, place: (path, options) => at(offsetOf(document, path, options?.key ?? false)) };
  } catch (error) {
    const message = messageOf(error);
    // The parser's limit on what aliases of aliases may come to.
    if (!message.includes('alias count')) return fail(0, `this can not be read as ${language}: ${message}`);
    return fail(
      aliases[0]?.offset ?? 0,
      'the aliases in this file stand for too much',
      'write out what the aliases (*name) stand for',
    );
  }
}

function inexactNumbers(document: Document.Parsed, at: (offset: number) => string): readonly PlacedProblem[] {
  const problems: PlacedProblem[] = [];
  visit(document, {
    Scalar: (_key, { source = '', value, range }) => {
      if (!isInexact(source, value)) return;
      const message = inexactText(source, value);
      problems.push({ where: at(range?.[0] ?? 0), message, hint: inexactHint });
    },
  });
  return problems;
}

/** Names that can't be names, and merges of what has no names. */
function oddNames(document: Document.Parsed, at: (offset: number) => string): readonly PlacedProblem[] {
  const problems: PlacedProblem[] = [];
  visit(document, {
    Pair: (_key, { key, value }) => {
      if (isCollection(key)) {
        const message = 'a name is a word or a text, and this is a list or a group';
        problems.push({ where: at(key.range?.[0] ?? 0), message, hint: 'write it in quotes: "a, b": …' });
      }
      if (!isScalar(key) || key.source !== '<<' || !isScalar(value)) return;
      const message = "'<<' takes in a group of named values, and this is none";
      problems.push({
        where: at(value.range?.[0] ?? 0),
        message,
        hint: 'write <<: *NAME, with the group under &NAME above',
      });
    },
  });
  return problems;
}

/** In the order of the file. */
function aliasesOf(document: Document.Parsed): readonly UsedAlias[] {
  const anchors = new Set<string>();
  const aliases: UsedAlias[] = [];
  visit(document, (_key, node) => {
    if (isAlias(node)) {
      const { source, range } = node;
      aliases.push({ source, offset: range?.[0] ?? 0, anchored: anchors.has(source) });
    } else if (isNode(node) && node.anchor !== undefined) anchors.add(node.anchor);
  });
  return aliases;
}

/** The parser's message in plainer words, for the mistakes that people make. */
function explained(code: string, message: string, language: string): Pick<PlacedProblem, 'message' | 'hint'> {
  if (message.includes('call stack'))
    return { message: 'this is nested too deeply', hint: 'a few levels are enough: is this the right file?' };
  switch (code) {
    case 'TAB_AS_INDENT':
      return { message: 'YAML can not be indented with tabs', hint: 'use spaces' };
    case 'DUPLICATE_KEY':
      return { message: 'this name is there twice', hint: 'leave out one of them' };
    case 'MULTIPLE_DOCS':
      return {
        message: 'there is more than one document in this file',
        hint: "leave out the line '---' and what follows",
      };
    case 'TAG_RESOLVE_FAILED':
      return {
        message: `this tag is not known: ${message}`,
        hint: "leave out the word that begins with '!'",
      };
    case 'BAD_INDENT':
    case 'MISSING_CHAR':
    case 'IMPOSSIBLE':
    case 'UNEXPECTED_TOKEN':
    case 'BLOCK_IN_FLOW':
    case 'BLOCK_AS_IMPLICIT_KEY':
    case 'MULTILINE_IMPLICIT_KEY':
      return {
        message: `not valid ${language}: ${message}`,
        hint: 'check indentation, quotes, and that each bracket is closed, here and above',
      };
    default:
      return {
        message: `not valid ${language}: ${message}`,
        hint: 'text with special characters goes in quotes',
      };
  }
}

/** Where the deepest part of the path that exists begins. */
function offsetOf(document: Document.Parsed, path: Problem['path'], key: boolean): number {
  let node: Node = document.contents;
  let offset = node === null ? 0 : startOf(node);
  for (const [index, part] of path.entries()) {
    const found = step(document, node, part);
    if (found === undefined) break;
    // A block below a name begins on the next line; its name is what a person looks for.
    const named = (key && index === path.length - 1) || isCollection(found.value);
    offset = found.value === null || named ? found.start : startOf(found.value);
    node = found.value;
  }
  return offset;
}

function startOf(node: ParsedNode): number {
  return node.range[0];
}

/** What a map or list has under that name or index, with the place of the name or entry. */
function step(
  document: Document.Parsed,
  from: Node,
  part: string | number,
): { start: number; value: Node } | undefined {
  const node = isAlias(from) ? (from.resolve(document) as Node | undefined) : from;
  if (isSeq(node)) {
    const value = node.items[Number(part)] as Node | undefined;
    return value === undefined || value === null ? undefined : { start: startOf(value), value };
  }
  if (!isMap(node)) return undefined;
  for (const pair of node.items) {
    const name = isScalar(pair.key) ? pair.key.value : undefined;
    const keyNode = pair.key;
    if (String(name) === String(part)) return { start: startOf(keyNode), value: pair.value };
  }
  for (const pair of node.items) {
    if (!isScalar(pair.key) || pair.key.source !== '<<') continue;
    const merged = isSeq(pair.value) ? pair.value.items : [pair.value];
    for (const one of merged) {
      const found = step(document, one, part);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}
