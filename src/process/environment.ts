import { hostname } from 'node:os';

/** Names of environment variables that hold secrets. They apply to the whole process, as its environment does. */
const secretNames = new Set<string>();

/** Registers variables that hold secrets. Programs that are started later do not get them. Call it when settings are loaded. */
export function registerSecretVariables(names: Iterable<string>): void {
  for (const name of names) secretNames.add(name);
}

/**
 * The environment for a user's program: that of this process without the registered secrets.
 * @param more names of further variables with secrets, for example those of a study
 */
export function withoutSecrets(more: readonly string[] = []): Record<string, string> {
  const kept = Object.entries(process.env).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined && !secretNames.has(entry[0]) && !more.includes(entry[0]),
  );
  return Object.fromEntries(kept);
}

/** The name of this host for what is bound to it: `PERDURE_HOST`, since a container gets a new host name with each start. */
export function hostName(env: NodeJS.ProcessEnv = process.env): string {
  return env['PERDURE_HOST'] ?? hostname();
}
