import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { quote } from '../../../src/transports/quote';

test('a shell reads a quoted word as it was, whatever is in it', () => {
  const word = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom(
      '',
      "'",
      '"',
      '$(id)',
      '`id`',
      '\\',
      '\n',
      '-n',
      '--',
      '*',
      '~',
      '#',
      'é',
      '🚀',
      "a'b'c",
      '\r\n\t',
    ),
  );
  fc.assert(
    fc.property(
      fc.array(
        word.map((text) => text.toWellFormed().replaceAll('\u0000', '')),
        { maxLength: 8 },
      ),
      (words) => {
        const { stdout } = spawnSync('sh', ['-c', `printf '%s\\0' start ${words.map(quote).join(' ')}`], {
          encoding: 'utf8',
        });
        expect(stdout.split('\u0000').slice(1, -1)).toEqual(words);
      },
    ),
  );
});
