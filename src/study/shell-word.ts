/** A name as a shell and this program take it. */
export function quoted(name: string): string {
  // It would be read as an option.
  if (name.startsWith('-')) return `-- ${quoted(`./${name}`).replace('./', '')}`;
  return /^[\w@%+=:,./-]+$/.test(name) ? name : `'${name.replaceAll("'", String.raw`'\''`)}'`;
}
