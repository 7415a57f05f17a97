import { plainLines } from '../../study/plain-text';
import type { PbsJob } from '../../sites/dialects/pbs';
import { silence } from './command-answer';

/** An answer of `qstat -x -f`, with or without `-F json`. */
export interface Listing {
  /**
   * `true` where the server answered and the answer is whole: only then does a job's absence mean anything. The id may still
   * be among those that a client left out (the newest one prints only the first of several).
   */
  readonly answered: boolean;
  /** Why not, in words; empty where it was answered. */
  readonly why: string;
  readonly jobs: ReadonlyMap<string, PbsJob>;
  /** Ids that the server said it does not know. */
  readonly unknown: ReadonlySet<string>;
}

/** Exit statuses with which qstat answers although some ids are unknown (153) or finished (35). */
const answers: ReadonlySet<number> = new Set([0, 35, 153]);

/**
 * Reads what `qstat` printed. JSON is read by its lines and not as JSON: the client of PBS Pro 2022 prints none for values
 * like `nan`, `pro"j\x` or text that is not ASCII, and turns names like `1e5` into numbers; the few attributes that matter
 * stand on lines of their own, at an indentation that tells them from the variables of a job. Text before and after the
 * answer (a login shell's banner) is passed over.
 */
export function readListing(output: {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}): Listing {
  const lines = output.stdout.split(/\r?\n/);
  const json = lines.findIndex((line) => line === '{');
  const whole = json === -1 || lines.lastIndexOf('}') > json;
  const jobs = json === -1 ? readText(lines) : readJson(lines.slice(json));
  const unknown = [...output.stderr.matchAll(/Unknown Job Id (\S+)/g)].map(([, id = '']) => id);
  const why = !answers.has(output.status) ? failure(output) : whole ? '' : 'the answer of qstat was cut off';
  return {
    answered: why === '',
    why,
    // The last job of an answer that was cut off may lack what comes after the cut.
    jobs: new Map((whole ? jobs : jobs.slice(0, -1)).map((job) => [job.id, job])),
    unknown: new Set(unknown),
  };
}

function failure({ status, stderr }: { readonly status: number; readonly stderr: string }): string {
  const said = plainLines(stderr)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  return said[said.length - 1] ?? silence('qstat', status);
}

/** Attributes of one job, while its lines are read. */
type Attributes = Map<string, string>;

function readJson(lines: readonly string[]): readonly PbsJob[] {
  const found: [string, Attributes][] = [];
  for (const line of lines) {
    const [, blanks = '', key = '', value = ''] = /^( +|\t+)"([^"]*)":\s*(.*?),?$/.exec(line) ?? [];
    const depth = blanks.startsWith('\t') ? blanks.length : blanks.length / 4;
    if (depth === 2 && value === '{') found.push([key, new Map<string, string>()]);
    // The first one counts: a job's own values come before any that a variable could forge.
    const attributes = found.at(-1)?.[1];
    if (depth === 3 && attributes?.has(key) === false) attributes.set(key, unquoted(value));
    // What follows "Jobs" on its level is of no interest.
    if (line === '}') break;
  }
  return found.flatMap(([id, attributes]) => toJob(id, attributes));
}

function unquoted(value: string): string {
  const [, text] = /^"(.*)"$/.exec(value) ?? [];
  if (text === undefined) return value;
  try {
    return JSON.parse(value) as string;
  } catch {
    return text;
  }
}

function readText(lines: readonly string[]): readonly PbsJob[] {
  const found: [string, Attributes][] = [];
  let last = '';
  for (const line of lines) {
    const [, id] = /^Job Id: (.*)$/.exec(line) ?? [];
    if (id !== undefined) found.push([id.trim(), new Map<string, string>()]);
    const attributes = found.at(-1)?.[1];
    if (attributes === undefined) continue;
    const [, key, value] = /^ {4}([\w.]+) = (.*)$/.exec(line) ?? [];
    if (key !== undefined && value !== undefined) {
      if (!attributes.has(key)) attributes.set(key, value);
      last = key;
    } else if (line.startsWith('\t')) {
      // A tab continues the line before.
      attributes.set(last, `${attributes.get(last) ?? ''}${line.slice(1)}`);
    }
  }
  return found.flatMap(([id, attributes]) => toJob(id, attributes));
}

function toJob(id: string, attributes: Attributes): readonly PbsJob[] {
  const state = attributes.get('job_state');
  if (state === undefined) return [];
  return [
    {
      id,
      state,
      substate: wholeNumber(attributes.get('substate')),
      exitStatus: wholeNumber(attributes.get('Exit_status')),
      comment: attributes.get('comment') ?? '',
    },
  ];
}

function wholeNumber(text: string | undefined): number | null {
  return text !== undefined && /^-?\d+$/.test(text) ? Number(text) : null;
}
