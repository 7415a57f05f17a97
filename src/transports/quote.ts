/**
 * A word for a POSIX shell, whatever is in it: between single quotes nothing has a meaning but the quote itself. Every word
 * of a remote command goes through here. A zero byte can't be in an argument of any process; whoever makes words refuses it.
 */
export function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
