import type { ToldJob } from '../../support/pbs-stand-in';

type Attributes = Record<string, string>;

/** The jobs that an answer of qstat shows, whichever its format: JSON, `-f`, `-F dsv`, the table. */
export function toldJobs(answer: string): readonly ToldJob[] {
  if (answer.startsWith('{')) return fromJson(answer);
  if (answer.startsWith('Job Id:')) return answer.includes('|Job_Name=') ? fromDsv(answer) : fromText(answer);
  return fromTable(answer);
}

type Tree = Readonly<Record<string, unknown>>;

function fromJson(answer: string): readonly ToldJob[] {
  const { Jobs = {} } = JSON.parse(answer) as { readonly Jobs?: Readonly<Record<string, Tree>> };
  return Object.entries(Jobs).map(([id, tree]) => ({ id, attributes: flat(tree) }));
}

function flat(tree: Tree): Attributes {
  const pairs = Object.entries(tree).flatMap(([name, value]): [string, string][] => {
    if (typeof value !== 'object' || value === null) return [[name, String(value)]];
    const inner = Object.entries(value as Tree).map(([key, text]) => [key, String(text)] as const);
    // Variables travel as one text.
    if (name === 'Variable_List') return [[name, inner.map(([key, text]) => `${key}=${text}`).join(',')]];
    return inner.map(([key, text]) => [`${name}.${key}`, text]);
  });
  return Object.fromEntries(pairs);
}

function fromText(answer: string): readonly ToldJob[] {
  return answer
    .replaceAll('\n\t', '')
    .split('Job Id: ')
    .slice(1)
    .map((block) => {
      const [id = '', ...lines] = block.split('\n');
      const pairs = lines.filter((line) => line !== '').map((line) => cut(line.slice(4), ' = '));
      return { id, attributes: Object.fromEntries(pairs) };
    });
}

function fromDsv(answer: string): readonly ToldJob[] {
  return answer
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [id = '', ...fields] = line.replace('Job Id: ', '').split('|');
      return { id, attributes: Object.fromEntries(fields.map((field) => cut(field, '='))) };
    });
}

function fromTable(answer: string): readonly ToldJob[] {
  return [...answer.matchAll(/^(\d\S*) +(\S+) +(\S+) +(\S+) (\w) (\S+) *$/gm)].map(
    ([, id = '', name = '', user = '', used = '', state = '', queue = '']) => ({
      id,
      attributes: {
        Job_Name: name,
        Job_Owner: `${user}@pbsci.test.example`,
        job_state: state,
        queue,
        ...(used === '0' ? {} : { 'resources_used.cput': used }),
      },
    }),
  );
}

function cut(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return [text.slice(0, at), text.slice(at + separator.length)];
}

/** These jobs, with those of `later` in the place of what had their id, and in PBS's order. */
export function overlay(jobs: readonly ToldJob[], later: readonly ToldJob[]): readonly ToldJob[] {
  return [...new Map([...jobs, ...later].map((job) => [job.id, job])).values()];
}
