/** Names of this process's environment variables that hold secrets. The environment is the process's, so its names are too. */
const secretNames = new Set<string>();

/** Notes which variables hold secrets, for every program that is started from now on. Called where settings come into use. */
export function noteSecretVariables(names: Iterable<string>): void {
  for (const name of names) secretNames.add(name);
}

/**
 * The environment for a program of the user's: this process's own without the variables that the settings name as secrets.
 * @param more names of secrets that are only known to the study
 */
export function withoutSecrets(more: readonly string[] = []): Record<string, string> {
  const kept = Object.entries(process.env).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined && !secretNames.has(entry[0]) && !more.includes(entry[0]),
  );
  return Object.fromEntries(kept);
}
