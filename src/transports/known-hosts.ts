import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

/** A line of OpenSSH's `known_hosts` that says something about a host. Format: sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT". */
export interface KnownHostLine {
  readonly line: number;
  readonly revoked: boolean;
  readonly names: HostNames;
  readonly type: string;
  /** The key as it goes over the wire. */
  readonly key: Uint8Array;
}

type HostNames =
  | { readonly kind: 'patterns'; readonly patterns: readonly string[] }
  | { readonly kind: 'hashed'; readonly salt: Uint8Array; readonly hash: Uint8Array };

export interface KnownHosts {
  readonly lines: readonly KnownHostLine[];
  /** Lines that say nothing that can be used, and why. */
  readonly ignored: readonly { readonly line: number; readonly reason: string }[];
}

/** Where a key comes from: OpenSSH knows a host at another port than 22 as `[host]:port`. */
export interface HostAddress {
  readonly host: string;
  readonly port: number;
}

export type HostKeyVerdict =
  | { readonly verdict: 'known' }
  | { readonly verdict: 'unknown' }
  /** Other keys are known for this host than the one it shows. */
  | { readonly verdict: 'changed'; readonly known: readonly KnownHostLine[] }
  | { readonly verdict: 'revoked'; readonly by: KnownHostLine };

export function parseKnownHosts(text: string): KnownHosts {
  const lines: KnownHostLine[] = [];
  const ignored: { line: number; reason: string }[] = [];
  for (const [index, whole] of text.split('\n').entries()) {
    const content = whole.trim();
    if (content === '' || content.startsWith('#')) continue;
    const parsed = parseLine(content, index + 1);
    if (typeof parsed === 'string') ignored.push({ line: index + 1, reason: parsed });
    else lines.push(parsed);
  }
  return { lines, ignored };
}

function parseLine(content: string, line: number): KnownHostLine | string {
  const fields = content.split(/[ \t]+/);
  const marker = content.startsWith('@') ? fields.shift() : undefined;
  if (marker === '@cert-authority') return 'certificates of host keys are not supported';
  if (marker !== undefined && marker !== '@revoked') return `the marker ${marker} is not known`;
  const [hosts, type, encoded] = fields;
  if (hosts === undefined || type === undefined || encoded === undefined) return 'it has too few fields';
  const key = decodeBase64(encoded);
  if (key === null || keyTypeOf(key) !== type) return `its key is not a valid ${type} key`;
  const names = parseNames(hosts);
  return names === null
    ? 'its hashed name is not valid'
    : { line, revoked: marker === '@revoked', names, type, key };
}

function parseNames(hosts: string): HostNames | null {
  if (!hosts.startsWith('|')) return { kind: 'patterns', patterns: hosts.toLowerCase().split(',') };
  const [, version, salt = '', hash = ''] = hosts.split('|');
  const bytes = [decodeBase64(salt), decodeBase64(hash)] as const;
  // 20 bytes: HMAC-SHA1, the only one there is.
  return version === '1' && bytes[0] !== null && bytes[1]?.length === 20
    ? { kind: 'hashed', salt: bytes[0], hash: bytes[1] }
    : null;
}

/** Lines about a host, as OpenSSH looks them up: by `host`, or by `[host]:port` at another port than 22. */
export function linesFor(known: KnownHosts, address: HostAddress): readonly KnownHostLine[] {
  const name = nameOf(address);
  return known.lines.filter(({ names }) => matches(names, name));
}

/**
 * Whether the host may show this key. Stricter than OpenSSH in one point: where keys of a host are known, one of another type is
 * not "unknown" but "changed", since the known ones were asked for first.
 */
export function judgeHostKey(known: KnownHosts, address: HostAddress, key: Uint8Array): HostKeyVerdict {
  const lines = linesFor(known, address);
  // As OpenSSH does: a key known for the host without a port is good for its other ports too.
  const withoutPort = linesFor(known, { ...address, port: 22 });
  const same = [...lines, ...withoutPort].filter((line) => sameBytes(line.key, key));
  const by = same.find(({ revoked }) => revoked);
  if (by !== undefined) return { verdict: 'revoked', by };
  if (same.length > 0) return { verdict: 'known' };
  const others = lines.filter(({ revoked }) => !revoked);
  return others.length > 0 ? { verdict: 'changed', known: others } : { verdict: 'unknown' };
}

/** `aurora.alcf.anl.gov`, or `[127.0.0.1]:2222`. */
export function nameOf({ host, port }: HostAddress): string {
  const name = host.toLowerCase();
  return port === 22 ? name : `[${name}]:${String(port)}`;
}

/** `SHA256:…`, as `ssh-keygen -l` prints it. */
export function fingerprint(key: Uint8Array): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}

/** The type that a key names itself: a length of four bytes, then the name (RFC 4253, 6.6). */
export function keyTypeOf(key: Uint8Array): string | null {
  const bytes = Buffer.from(key);
  if (bytes.length < 4) return null;
  const length = bytes.readUInt32BE(0);
  return length > 0 && length <= bytes.length - 4 ? bytes.toString('latin1', 4, 4 + length) : null;
}

function matches(names: HostNames, name: string): boolean {
  switch (names.kind) {
    case 'hashed':
      return sameBytes(createHmac('sha1', names.salt).update(name).digest(), names.hash);
    case 'patterns': {
      const hit = names.patterns.some((pattern) => !pattern.startsWith('!') && matchesPattern(pattern, name));
      return hit && !names.patterns.some((p) => p.startsWith('!') && matchesPattern(p.slice(1), name));
    }
  }
}

/** `*` for any characters, `?` for one; brackets are plain, as in `[host]:port`. */
function matchesPattern(pattern: string, name: string): boolean {
  const parts = pattern.replace(/[\\^$.|+()[\]{}]/g, String.raw`\$&`);
  return new RegExp(`^${parts.replace(/\*+/g, '.*').replaceAll('?', '.')}$`, 's').test(name);
}

function decodeBase64(text: string): Buffer | null {
  const bytes = Buffer.from(text, 'base64');
  return /^[A-Za-z0-9+/]+={0,2}$/.test(text) && bytes.length > 0 ? bytes : null;
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
