import { readFile } from 'node:fs/promises';
import { type BaseAgent, OpenSSHAgent, type ParsedKey, utils } from 'ssh2';
import { ChosenKeys } from './chosen-keys';

/** What can be shown to a server: read anew for each connection, since keys and agents come and go. */
export interface Credentials {
  readonly key: ParsedKey | null;
  readonly agent: BaseAgent<ParsedKey> | null;
  /** A key that only its passphrase opens. */
  readonly locked: LockedKey | null;
  /** Why a key that was named can't be used without a person; `null`: it can, or none was named. */
  readonly missing: string | null;
}

export interface LockedKey {
  readonly file: string;
  /** @returns `null` where that is not the passphrase */
  unlock(passphrase: string): ParsedKey | null;
}

export interface CredentialOptions {
  readonly identityFile?: string | undefined;
  /** The agent's socket. */
  readonly agent?: string | undefined;
}

/**
 * Reads the identity file; an encrypted one is left to the agent if that has it, else to a person. With an identity file
 * the agent is asked for that key alone: each other key counts as a failure at the server.
 */
export async function readCredentials({ identityFile, agent }: CredentialOptions): Promise<Credentials> {
  const nothing: Credentials = { key: null, agent: null, locked: null, missing: null };
  const socket = agent === undefined || agent === '' ? null : new OpenSSHAgent(agent);
  if (identityFile === undefined) return { ...nothing, agent: socket && new ChosenKeys(socket, () => true) };
  const text = await readOrNull(identityFile);
  if (text === null) return { ...nothing, missing: `the key file ${identityFile} can't be read` };
  const key = parse(text);
  if (!(key instanceof Error)) return { ...nothing, key };
  if (!/passphrase/i.test(key.message))
    return { ...nothing, missing: `${identityFile} is no private key: ${key.message}` };
  const held = socket && (await agentWith(socket, identityFile));
  if (held !== null) return { ...nothing, agent: held };
  const locked: LockedKey = {
    file: identityFile,
    unlock(passphrase) {
      const opened = parse(text, passphrase);
      return opened instanceof Error ? null : opened;
    },
  };
  return { ...nothing, locked, missing: `the key ${identityFile} has a passphrase` };
}

/** The agent, where it holds the key whose public half lies beside the file. */
async function agentWith(agent: OpenSSHAgent, file: string): Promise<ChosenKeys | null> {
  const text = await readOrNull(`${file}.pub`);
  const key = text === null ? null : parse(text);
  if (key === null || key instanceof Error) return null;
  const wanted = key.getPublicSSH();
  const chosen = new ChosenKeys(agent, (candidate) => candidate.getPublicSSH().equals(wanted));
  return (await chosen.any()) ? chosen : null;
}

function parse(text: Buffer, passphrase?: string): ParsedKey | Error {
  // The types don't say that a file of several keys comes as an array.
  const keys = utils.parseKey(text, passphrase) as ParsedKey | readonly ParsedKey[] | Error;
  if (keys instanceof Error || !('length' in keys)) return keys;
  return keys[0] ?? new Error('it is empty');
}

async function readOrNull(file: string): Promise<Buffer | null> {
  try {
    return await readFile(file);
  } catch {
    // Said in words where the key is missed.
    return null;
  }
}
