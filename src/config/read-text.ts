import { readFile, stat } from 'node:fs/promises';
import { errorCode, messageOf, PerdureError } from '../study/error';

/** Nobody writes a file of more than this by hand, in bytes. */
const most = 4 * 2 ** 20;

/**
 * The text of a file that a person wrote, without a byte order mark.
 * @param what what it should be, for the messages: `study file`
 * @throws {@link PerdureError} `InvalidInput` where it is missing, no file, unreadable, far too large or not UTF-8
 */
export async function readText(file: string, what: string): Promise<string> {
  const bytes = await readBytes(file, what);
  const text = Buffer.from(bytes).toString('utf8');
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    // The lenient decoder puts U+FFFD where the strict one gave up.
    const before = text.slice(0, text.indexOf('\uFFFD'));
    const line = before.split('\n').length;
    const column = before.length - before.lastIndexOf('\n');
    throw new PerdureError('InvalidInput', `the ${what} is not UTF-8 text`, {
      where: `${file}:${String(line)}:${String(column)}`,
      hint: 'save it with the encoding UTF-8',
    });
  }
  return text.replace(/^\uFEFF/, '');
}

async function readBytes(file: string, what: string): Promise<Uint8Array> {
  const refuse = (message: string, hint?: string): PerdureError =>
    new PerdureError('InvalidInput', message, { where: file, hint });
  try {
    const info = await stat(file);
    if (info.isDirectory())
      throw refuse(
        `a ${what} was expected here, and this is a directory`,
        `name a file in it: ${file.replace(/\/*$/, '/')}${what.startsWith('study') ? 'study' : 'perdure'}.yaml`,
      );
    if (info.size > most)
      throw refuse(`this is too large for a ${what} (${String(info.size)} bytes)`, 'is it another file?');
    return await readFile(file);
  } catch (error) {
    if (error instanceof PerdureError) throw error;
    const code = errorCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR')
      throw refuse(`there is no such ${what}`, 'check the name, and the directory you are in');
    if (code === 'EACCES' || code === 'EPERM')
      throw refuse(`the ${what} may not be read`, `chmod u+r ${file}`);
    throw refuse(`the ${what} can't be read: ${messageOf(error)}`);
  }
}
