import { dirname, resolve } from 'node:path';
import { appendAll } from '../study/lists';
import { invalidInput, type PlacedProblem, type Problem } from '../study/problem';
import { checkParams } from '../study/space-membership';
import { checkSpace } from '../study/space-rules';
import type { StudySpec } from '../study/spec';
import { checkSpec } from '../study/spec-rules';
import { checkSize } from '../study/spec-size';
import { hashOf } from './canonical-hash';
import { placed, placeIn, programPath } from './place';
import { readText } from './read-text';
import { shaped } from './shape';
import { stageFiles } from './staged-files';
import { studySchema, type StudyFile } from './study-schema';
import { programOf, toSpec } from './study-spec';
import { checkProgram, looseProblems } from './trial-program';
import { parseYaml, type Place, type Source } from './yaml-source';

/** A study, checked, with all that is needed to start it. */
export interface LoadedStudy {
  readonly spec: StudySpec;
  /** The file says where its trials run; else it is for the settings to say. */
  readonly namesSites: boolean;
  /** SHA-256 of the specification, files included: the same for the same study, however it is written. */
  readonly fileHash: string;
  /** The bytes to keep for its trials, by SHA-256. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** The study file as the user gave it. */
  readonly file: string;
  /** Absolute path of the directory with its files. */
  readonly directory: string;
  /** Where in that file something is, for later messages. */
  readonly place: Place;
}

/**
 * Reads and checks a study file and the files it names.
 * @throws {@link PerdureError} `InvalidInput` that tells of every problem, a line each: `FILE:LINE:COLUMN: what`
 */
export async function loadStudy(file: string): Promise<LoadedStudy> {
  return parseStudy(await readText(file, 'study file'), { file, directory: dirname(resolve(file)) });
}

/** As {@link loadStudy}, for text that was read already; `directory` is where its files are. */
export async function parseStudy(
  text: string,
  { file, directory }: { readonly file: string; readonly directory: string },
): Promise<LoadedStudy> {
  const source = parseYaml(text, file);
  if (source.data === null) {
    const hint = 'it needs at least: name, objective, space, trial, budget';
    throw invalidInput([{ where: `${file}:1:1`, message: 'the file is empty', hint }]);
  }
  return read(source, file, directory);
}

/**
 * As {@link loadStudy}, for a study made by a program: an object of the same form as the file.
 * @param options.where what to call it in messages
 */
export async function readStudy(
  source: unknown,
  { where = 'study', directory = '.' }: { readonly where?: string; readonly directory?: string } = {},
): Promise<LoadedStudy> {
  return read({ data: source, place: placeIn(where) }, where, resolve(directory));
}

async function read(source: Source, file: string, directory: string): Promise<LoadedStudy> {
  const { place } = source;
  const loose = looseProblems(source.data);
  const form = shaped(studySchema, source);
  if (!form.ok) throw invalidInput(inOrder([...form.problems, ...placed(loose, place)]));
  if (loose.length > 0) throw invalidInput(placed(loose, place));
  const study = form.value;
  const problems: Problem[] = [];
  const wanted = study.trial.files.map((name, index) => ({ name, path: ['trial', 'files', index] }));
  const program = programOf(study.trial);
  // The script is among the files, named or not.
  if (program?.kind === 'function') wanted.push({ name: program.file, path: ['trial', 'function'] });
  const staged = await stageFiles(directory, wanted, problems);
  const spec = toSpec(study, staged.files, (path) => programPath(path, directory), problems);
  appendAll(problems, [
    ...checkSpec(spec),
    ...checkProgram(spec.trial, staged),
    ...checkEnqueued(study, spec),
  ]);
  if (problems.length === 0) appendAll(problems, checkSize(spec));
  if (problems.length > 0) throw invalidInput(inOrder(placed(problems, place)));
  return {
    spec,
    namesSites: study.sites !== undefined,
    fileHash: hashOf(spec),
    files: staged.bytes,
    file,
    directory: resolve(directory),
    place,
  };
}

/** From the top of the file down. */
function inOrder(problems: readonly PlacedProblem[]): readonly PlacedProblem[] {
  const line = ({ where }: PlacedProblem): number => Number(/:(\d+):\d+$/.exec(where)?.[1] ?? 0);
  return problems.toSorted((a, b) => line(a) - line(b));
}

const leaveOut = 'change it or leave it out; what is left out is sampled';

function checkEnqueued({ enqueue }: StudyFile, { space }: StudySpec): readonly Problem[] {
  if (checkSpace(space).length > 0) return [];
  return enqueue.flatMap((params, index) =>
    checkParams(space, params, { partial: true }).map(({ parameter, message }) => {
      // The message ends with the nearest name where there is one.
      const [what = message, hint = leaveOut] = message.split('; ');
      return { path: ['enqueue', index, parameter], message: what, hint };
    }),
  );
}
