import { readFile } from 'node:fs/promises';
import type { ServerHostKeyAlgorithm } from 'ssh2';
import { PerdureError } from '../../study/error';
import {
  fingerprint,
  type HostAddress,
  judgeHostKey,
  keyTypeOf,
  type KnownHosts,
  linesFor,
  parseKnownHosts,
} from '../known-hosts';
import { quote } from '../quote';

/** Which algorithms prove a key of which type, the best one first (RFC 8332 for RSA). */
const algorithmsOf: Readonly<Record<string, readonly ServerHostKeyAlgorithm[]>> = {
  'ssh-ed25519': ['ssh-ed25519'],
  'ecdsa-sha2-nistp256': ['ecdsa-sha2-nistp256'],
  'ecdsa-sha2-nistp384': ['ecdsa-sha2-nistp384'],
  'ecdsa-sha2-nistp521': ['ecdsa-sha2-nistp521'],
  'ssh-rsa': ['rsa-sha2-512', 'rsa-sha2-256'],
};

/** Reads the user's file; one that is not there knows nobody. */
export async function readKnownHosts(file: string): Promise<KnownHosts> {
  try {
    return parseKnownHosts(await readFile(file, 'utf8'));
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return parseKnownHosts('');
    throw new PerdureError('LoginRequired', "the file of known hosts can't be read", { where: file, cause });
  }
}

/** All algorithms, those of the keys known for this host first: a server with several keys shows the one that is known. */
export function hostKeyAlgorithms(known: KnownHosts, address: HostAddress): ServerHostKeyAlgorithm[] {
  const types = linesFor(known, address).map(({ type }) => type);
  const wanted = [...types, ...Object.keys(algorithmsOf)];
  return [...new Set(wanted.flatMap((type) => algorithmsOf[type] ?? []))];
}

/**
 * @returns `null` where the host may show this key; else why not. It is a `LoginRequired`: nothing but a person's decision mends
 * it, and nothing was sent to the host.
 */
export function hostKeyProblem(
  known: KnownHosts,
  { host, port }: HostAddress,
  key: Uint8Array,
  file: string,
): PerdureError | null {
  const shown = `${keyTypeOf(key) ?? 'a'} key ${fingerprint(key)}`;
  const judged = judgeHostKey(known, { host, port }, key);
  switch (judged.verdict) {
    case 'known':
      return null;
    case 'unknown':
      return new PerdureError('LoginRequired', `the host is not known; it shows the ${shown}`, {
        where: `${host}:${String(port)}`,
        hint: `compare that with what the site publishes, then: ssh-keyscan -p ${String(port)} ${quote(host)} >> ${quote(file)}`,
      });
    case 'revoked':
      return new PerdureError('LoginRequired', `THE HOST KEY IS REVOKED: the host shows the ${shown}`, {
        where: `${host}:${String(port)}`,
        hint: `${file}:${String(judged.by.line)} says so; ask the site before anything else`,
      });
    case 'changed': {
      const kept = judged.known.map(
        ({ type, key: old, line }) => `${type} key ${fingerprint(old)} (${file}:${String(line)})`,
      );
      return new PerdureError(
        'LoginRequired',
        `THE HOST KEY HAS CHANGED: the host shows the ${shown}, known is the ${kept.join(' and the ')}. Somebody may be listening`,
        {
          where: `${host}:${String(port)}`,
          hint: `if the site announced a new key: remove that line from ${file}, and add the new key`,
        },
      );
    }
  }
}
