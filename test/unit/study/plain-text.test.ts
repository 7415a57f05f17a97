import * as fc from 'fast-check';
import { plainLine, plainLines, shortened, withoutPasswords } from '../../../src/study/plain-text';

const hostile: readonly (readonly [what: string, text: string, plain: string])[] = [
  ['colours', '\u001b[1;31mred\u001b[0m', 'red'],
  ['a cleared screen', 'a\u001b[2J\u001b[Hb', 'ab'],
  ['a title, ended by BEL', 'a\u001b]0;title\u0007b', 'ab'],
  ['a link, ended by ST', '\u001b]8;;http://evil\u001b\\here\u001b]8;;\u001b\\', 'here'],
  ['the same with characters of C1', '\u009b31mred\u009d0;title\u009c', 'red'],
  ['a sequence that is cut off', 'a\u001b[31', 'a31'],
  ['a title that never ends', 'a\u001b]0;title', 'a0;title'],
  ['another set of characters', '\u001b(Ba', 'a'],
  ['a carriage return that writes over', 'true\rfalse', 'true false'],
  ['backspaces and a bell', 'a\b\bb\u0007', 'a b'],
  ['zero bytes and DEL', 'a\u0000b\u007fc', 'a b c'],
  ['C1 alone', 'a\u0085b\u0090c', 'a b c'],
  ['bidirectional overrides', 'a\u202ab\u202bc\u202cd\u202de\u202ef', 'a b c d e f'],
  ['bidirectional isolates', 'a\u2066b\u2067c\u2068d\u2069e', 'a b c d e'],
  ['marks of direction', 'a\u200eb\u200fc\u061cd', 'a b c d'],
  ['zero-width signs', 'a\u200bb\u200cc\u200dd\u2060e\ufefff', 'a b c d e f'],
  ['tags, which models read and people do not see', 'a\u{e0041}\u{e0042}b', 'a b'],
  ['half characters', 'a\ud800b\udc00c', 'a b c'],
  ['private and unassigned characters', 'a\ue000b\u0378c', 'a b c'],
];

test.each(hostile)('%s leave only text', (_what, text, plain) => {
  expect(plainLine(text)).toBe(plain);
  expect(plainLines(text).trim()).toBe(plain);
});

test('a line is one line, with blanks one each', () => {
  expect(plainLine(' a\r\nb\u2028c\u2029d\t e\u00a0\u3000f\n')).toBe('a b c d e f');
});

test('lines stay lines, and keep their blanks', () => {
  expect(plainLines('  a  b\r\n\n\tc\u2028d\n')).toBe('  a  b\n\n c d\n');
});

test('what people write is left as it is', () => {
  const text = 'Zürich, 東京, ريال, 😀, é (e\u0301), ½ × 10⁻³ — “quoted”';
  expect(plainLine(text)).toBe(text);
  expect(plainLines(text)).toBe(text);
});

test('what is too long is cut between characters', () => {
  expect(shortened('abcd', 4)).toBe('abcd');
  expect(shortened('abcde', 4)).toBe('abc…');
  expect(shortened('ab😀de', 4)).toBe('ab…');
  expect(plainLine(`${'x'.repeat(98)}😀😀`, 100)).toBe(`${'x'.repeat(98)}…`);
});

test.each([
  ['amqps://me:secret@host/%2F and http://b:c@d', 'amqps://…@host/%2F and http://…@d'],
  ['an @ in it: http://me:p@ss@host/v1', 'an @ in it: http://…@host/v1'],
  ['http://host/a@b, me@host', 'http://host/a@b, me@host'],
])('no password is left of %s', (text, open) => {
  expect(withoutPasswords(text)).toBe(open);
});

test('whatever comes, nothing is left that a terminal would obey or that is no text', () => {
  const signs = fc.constantFrom(
    '\u001b',
    '[',
    ']',
    '\\',
    '\u009b',
    '\u009d',
    '\u0007',
    '\n',
    '\r',
    '\u202e',
    '\ud83d',
    '\ude00',
  );
  const text = fc.array(fc.oneof(signs, fc.string({ unit: 'binary' }))).map((parts) => parts.join(''));
  fc.assert(
    fc.property(text, fc.integer({ min: 1, max: 40 }), (given, longest) => {
      const line = plainLine(given, longest);
      expect(line).not.toMatch(/[\p{C}\p{Zl}\p{Zp}\n]/u);
      expect(line.length).toBeLessThanOrEqual(longest);
      expect(plainLine(line, longest)).toBe(line);
      expect(plainLines(given)).not.toMatch(/[^\P{C}\n]|[\p{Zl}\p{Zp}]/u);
    }),
  );
});
