import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathText, type PlacedProblem, type Problem } from '../study/problem';
import type { Place } from './yaml-source';

/** Places in what is no file: `WHERE: trial.python`. */
export function placeIn(where: string): Place {
  return (path) => (path.length === 0 ? where : `${where}: ${pathText(path)}`);
}

export function placed(problems: readonly Problem[], place: Place): readonly PlacedProblem[] {
  return problems.map(({ path, message, hint }) => ({ where: place(path), message, hint }));
}

/** A program's name as it is; a path made absolute against the directory, with `~` as a shell has it. */
export function programPath(path: string, directory: string): string {
  if (path.startsWith('~/')) return join(homedir(), path.slice(2));
  return path.includes('/') ? resolve(directory, path) : path;
}
