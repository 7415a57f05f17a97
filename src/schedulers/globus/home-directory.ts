/*
 * A working directory may be given below the home directory of whoever runs the endpoint, which only its tasks know. Scripts name it by
 * a mark then, which is put between single quotes as any odd word is, and which a shell's own variable takes the place of at last.
 */

/** Not a word that a shell takes as it is, and not a path that anybody has. */
const mark = '/~perdure-home';

/** A working directory as scripts have it. */
export function marked(workingDir: string): string {
  return workingDir === '~' || workingDir.startsWith('~/') ? `${mark}${workingDir.slice(1)}` : workingDir;
}

/** A path as a person, or Python, has it. */
export function unmarked(path: string): string {
  return path.startsWith(mark) ? `~${path.slice(mark.length)}` : path;
}

/** A script for a shell that knows its home. */
export function atHome(script: string): string {
  return script.replaceAll(mark, `'"$HOME"'`);
}

/** A path that begins where a task's shell does: at home. */
export function belowHome(path: string): string {
  return path.startsWith(`${mark}/`) ? path.slice(mark.length + 1) : path;
}
