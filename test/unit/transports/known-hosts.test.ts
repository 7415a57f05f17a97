import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fingerprint, judgeHostKey, linesFor, parseKnownHosts } from '../../../src/transports/known-hosts';

const folder = mkdtempSync(join(tmpdir(), 'perdure-known-hosts-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** A real key: `type base64`. */
const makeKey = (name: string, type: string): string => {
  const file = join(folder, name);
  execFileSync('ssh-keygen', ['-q', '-t', type, '-N', '', '-f', file]);
  return readFileSync(`${file}.pub`, 'utf8').split(' ').slice(0, 2).join(' ');
};
const key = makeKey('ours', 'ed25519');
const otherKey = makeKey('other', 'ed25519');
const ecdsaKey = makeKey('ecdsa', 'ecdsa');
const bytes = (text: string): Buffer => Buffer.from(text.split(' ')[1]!, 'base64');

const verdict = (file: string, host: string, shown = key, port = 22): string =>
  judgeHostKey(parseKnownHosts(file), { host, port }, bytes(shown)).verdict;

test.each([
  ['the name', 'aurora.example.org', 'known'],
  ['the name in capitals', 'AURORA.example.org', 'known'],
  ['another name of the line', '10.1.2.3', 'known'],
  ['a name that only begins alike', 'aurora.example.org.evil.net', 'unknown'],
  ['a name whose dot is another letter', 'auroraxexample.org', 'unknown'],
])('a line with a list of names is for %s: %s is %s', (_, host, expected) => {
  expect(verdict(`aurora.example.org,10.1.2.3 ${key} a comment here\n`, host)).toBe(expected);
});

test.each([
  ['login3.example.org', 'known'],
  ['login33.example.org', 'unknown'],
  ['login9.example.org', 'unknown'],
  ['a.b.alcf.gov', 'known'],
  ['alcf.gov', 'unknown'],
])('wildcards and negation: %s is %s', (host, expected) => {
  expect(verdict(`login?.example.org,*.alcf.gov,!login9.* ${key}`, host)).toBe(expected);
});

test('at another port a host is [host]:port, and a key known for the host alone is good there too', () => {
  const file = `[h]:2222 ${key}\nplain ${key}`;
  expect(verdict(file, 'h', key, 2222)).toBe('known');
  expect(verdict(file, 'h', key, 22)).toBe('unknown');
  expect(verdict(file, 'plain', key, 2222)).toBe('known');
  expect(verdict(file, 'plain', otherKey, 2222)).toBe('unknown');
});

test('names hashed by ssh-keygen itself are found, with and without a port', () => {
  const file = join(folder, 'hashed');
  writeFileSync(file, `aurora.example.org ${key}\n[aurora.example.org]:2222 ${otherKey}\n`);
  execFileSync('ssh-keygen', ['-q', '-H', '-f', file], { stdio: 'ignore' });
  const hashed = readFileSync(file, 'utf8');
  expect(hashed).not.toContain('aurora');
  expect(verdict(hashed, 'Aurora.example.org')).toBe('known');
  expect(verdict(hashed, 'aurora.example.org', otherKey, 2222)).toBe('known');
  expect(verdict(hashed, 'elsewhere.example.org')).toBe('unknown');
});

test('another key than the known one is a change, also one of another type; the known lines are told', () => {
  const file = `# ours\n\nh ${key}\n`;
  const judged = judgeHostKey(parseKnownHosts(file), { host: 'h', port: 22 }, bytes(otherKey));
  expect(judged).toMatchObject({ verdict: 'changed', known: [{ line: 3, type: 'ssh-ed25519' }] });
  expect(verdict(file, 'h', ecdsaKey)).toBe('changed');
});

test('a host may have several keys, of one type or of several', () => {
  const file = `h ${key}\nh ${otherKey}\r\nh ${ecdsaKey}`;
  expect([key, otherKey, ecdsaKey].map((shown) => verdict(file, 'h', shown))).toEqual(Array(3).fill('known'));
  expect(linesFor(parseKnownHosts(file), { host: 'h', port: 22 }).map(({ type }) => type)).toEqual([
    'ssh-ed25519',
    'ssh-ed25519',
    'ecdsa-sha2-nistp256',
  ]);
});

test('a revoked key is refused, even where another line knows it; a revoked line makes no other key a change', () => {
  expect(verdict(`h ${key}\n@revoked * ${key}\n`, 'h')).toBe('revoked');
  expect(verdict(`@revoked * ${key}\n`, 'h', otherKey)).toBe('unknown');
});

test('lines that can not be used are told with the reason, and the others hold', () => {
  const { ignored, lines } = parseKnownHosts(
    [
      `@cert-authority *.h ${key}`,
      `@what h ${key}`,
      'h ssh-ed25519',
      'h ssh-ed25519 not!base64',
      `h ssh-rsa ${key.split(' ')[1]!}`,
      `|1|c2FsdA==|c2hvcnQ= ${key}`,
      `h ${key}`,
    ].join('\n'),
  );
  expect(lines.map(({ line }) => line)).toEqual([7]);
  expect(ignored).toEqual([
    { line: 1, reason: 'certificates of host keys are not supported' },
    { line: 2, reason: 'the marker @what is not known' },
    { line: 3, reason: 'it has too few fields' },
    { line: 4, reason: 'its key is not a valid ssh-ed25519 key' },
    { line: 5, reason: 'its key is not a valid ssh-rsa key' },
    { line: 6, reason: 'its hashed name is not valid' },
  ]);
});

test('a fingerprint reads as ssh-keygen prints it', () => {
  const printed = execFileSync('ssh-keygen', ['-l', '-f', join(folder, 'ours.pub')], { encoding: 'utf8' });
  expect(printed.split(' ')[1]).toBe(fingerprint(bytes(key)));
});
