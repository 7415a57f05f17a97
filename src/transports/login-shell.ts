import { quote } from './quote';
import { reader } from './shell-script';

/**
 * A POSIX shell's command in a form that every login shell reads the same way: csh expands `!` and ends at newlines even between
 * single quotes, fish reads backslashes there. So what is not plain goes as octal numbers, and a POSIX shell unpacks it.
 */
export function forLoginShell(command: string): string {
  return /^[\w@%+=:,./ -]+$/.test(command) || command === reader
    ? command
    : `exec /bin/sh -c 'eval "$(printf %b "$1")"' sh ${octal(command)}`;
}

/**
 * As {@link forLoginShell}, and tells its status on standard error, in a line of its own after `mark`: where the way there has
 * a status of its own for its failures, 255 says nothing.
 */
export function tellingStatus(command: string, mark: string): string {
  const wrapper = '/bin/sh -c "$(printf %b "$1")"; s=$?; echo >&2; echo "$2 $s" >&2; exit "$s"';
  return `exec /bin/sh -c '${wrapper}' sh ${octal(command)} ${quote(mark)}`;
}

function octal(text: string): string {
  const bytes = [...Buffer.from(text, 'utf8')].map((byte) => {
    const character = String.fromCharCode(byte);
    return /[\w@%+=:,./ -]/.test(character) ? character : `\\0${byte.toString(8).padStart(3, '0')}`;
  });
  return `'${bytes.join('')}'`;
}
