import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import ts from 'typescript';

/* The TypeScript in the documentation compiles against what the package exports. */

const root = resolve(__dirname, '..', '..');
const index = join(root, 'src', 'index.ts');

interface Example {
  readonly name: string;
  readonly text: string;
}

function examplesOf(page: string): readonly Example[] {
  const text = readFileSync(join(root, page), 'utf8');
  return [...text.matchAll(/```ts\n([^]*?)```/g)].map(([, code = ''], i) => ({
    name: join(root, 'docs', `${page.replaceAll(/\W/g, '-')}-${String(i + 1)}.ts`),
    text: moduleOf(code),
  }));
}

/** Examples go on from each other: what one imports, and the session and the study that it makes, the next ones have. */
function moduleOf(code: string): string {
  const imports = [...code.matchAll(/^import .*$/gm)].map(([line]) => line).join('\n');
  const rest = code.replaceAll(/^import .*$/gm, '').replaceAll(/^export default .*$/gm, '');
  const others = ['startStudy', 'submitJob', 'PerdureError'].filter((name) => !imports.includes(name));
  return `${imports}
import { ${others.join(', ')}, type Session as S, type StudyHandle as H } from 'perdure';
declare const session: S;
declare const study: H;
export async function example(): Promise<void> {
${rest}
}
`;
}

/** What the compiler says of these files, and of all that they lead to where they are `everything`. */
function complaints(
  examples: readonly Example[],
  changes: ts.CompilerOptions = {},
  everything = false,
): readonly string[] {
  const options: ts.CompilerOptions = {
    ...{ noEmit: true, strict: true, skipLibCheck: true, esModuleInterop: true, resolveJsonModule: true },
    ...{ target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.Node16 },
    ...{ moduleResolution: ts.ModuleResolutionKind.Node16, paths: { perdure: [index] } },
    ...{ types: ['node'], lib: ['lib.es2024.d.ts', 'lib.esnext.disposable.d.ts'] },
    ...changes,
  };
  const files = ts.createCompilerHost(options);
  const texts = new Map(examples.map(({ name, text }) => [name, text]));
  const host: ts.CompilerHost = {
    ...files,
    fileExists: (name) => texts.has(name) || files.fileExists(name),
    readFile: (name) => texts.get(name) ?? files.readFile(name),
    getSourceFile: (name, version, ...others) => {
      const text = texts.get(name);
      return text === undefined
        ? files.getSourceFile(name, version, ...others)
        : ts.createSourceFile(name, text, version);
    },
  };
  const program = ts.createProgram([...texts.keys()], options, host);
  const places = everything ? [undefined] : [...texts.keys()].map((name) => program.getSourceFile(name));
  return places.flatMap((place) =>
    ts
      .getPreEmitDiagnostics(program, place)
      .map(
        ({ file, messageText }) =>
          `${file?.fileName ?? ''}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`,
      ),
  );
}

test('the examples compile', () => {
  const examples = ['docs/api.md', 'docs/agent.md'].flatMap(examplesOf);
  expect(examples.length).toBeGreaterThanOrEqual(7);
  expect(complaints(examples)).toEqual([]);
}, 120_000);

test('the types of the package hold in a strict project that checks its libraries too', () => {
  const text = `import { Session, startStudy } from 'perdure';
export const study = Session.open().then((session) => startStudy(session, 'study.yaml'));
`;
  const types = join(root, 'dist', 'index.d.ts');
  const strict = { skipLibCheck: false, paths: { perdure: [types] } };
  expect(complaints([{ name: join(root, 'docs', 'stranger.ts'), text }], strict, true)).toEqual([]);
}, 120_000);

test('one that names what is not there does not', () => {
  const wrong = {
    name: join(root, 'docs', 'wrong.ts'),
    text: moduleOf('await study.aprove({ number: 3 });'),
  };
  expect(complaints([wrong])).toEqual([expect.stringContaining("'aprove' does not exist")]);
}, 120_000);
