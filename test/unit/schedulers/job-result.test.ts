import fc from 'fast-check';
import { parseResult, tailOf } from '../../../src/schedulers/job-result';

describe('a result file', () => {
  test.each([
    ['0.5', 0.5],
    [' {"loss": 1e-3}\n', { loss: 0.001 }],
    ['NaN', NaN],
    ['-Infinity', -Infinity],
    ['{"a": Infinity, "b": [NaN, 1]}', { a: Infinity, b: [NaN, 1] }],
    ['\ufeff{"loss": 1}', { loss: 1 }],
    ['"text"', 'text'],
    ['null', null],
  ])('%j is read as Python wrote it', (text, value) => {
    expect(parseResult(text)).toEqual({ value });
  });

  test.each(['{"loss": 1', 'accuracy 0.9', '{"loss": 1}{"loss": 2}', 'nan', '\u0000\u0001'])(
    '%j is no JSON',
    (text) => {
      expect(parseResult(text)).toEqual({
        error: expect.stringMatching(/^the result is not JSON: /) as string,
      });
    },
  );

  test.each(['', '  \n'])('%j is empty', (text) => {
    expect(parseResult(text)).toEqual({ error: 'the result is empty' });
  });

  test('is shown in one short line where it is not JSON', () => {
    const { error } = parseResult(`oops\n${'x'.repeat(1e6)}`) as { readonly error: string };
    expect(error).toMatch(/^the result is not JSON: oops x+…$/);
    expect(error.length).toBeLessThan(120);
  });

  test('of any JSON value comes back', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(parseResult(JSON.stringify(value))).toEqual({
          value: JSON.parse(JSON.stringify(value)) as unknown,
        });
      }),
    );
  });

  test('of any text never throws', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        parseResult(text);
      }),
    );
  });
});

describe('the tail of a log', () => {
  const bytes = (text: string): Uint8Array => Buffer.from(text);

  test('is its last lines', () => {
    const lines = Array.from({ length: 100 }, (_, i) => `line ${String(i)}`);
    expect(tailOf(bytes(`${lines.join('\n')}\n`))).toBe(lines.slice(60).join('\n'));
    expect(tailOf(bytes(lines.join('\n')))).toBe(lines.slice(60).join('\n'));
    expect(tailOf(bytes('one\n\n\n'))).toBe('one');
    expect(tailOf(bytes(''))).toBe('');
  });

  test('is at most so many bytes, cut between characters', () => {
    const tail = tailOf(bytes('ü'.repeat(10_000)), 40, 101);
    expect(tail).toBe('ü'.repeat(50));
  });

  test('of anything is text that a database can hold', () => {
    expect(tailOf(new Uint8Array([0x61, 0, 0xff, 0x62]))).toBe('a\ufffd\ufffdb');
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.integer({ min: 1, max: 50 }), (some, most) => {
        const tail = tailOf(some, 5, most);
        expect(tail).not.toContain('\u0000');
        expect(tail.isWellFormed()).toBe(true);
        expect(tail.split('\n').length).toBeLessThanOrEqual(5);
      }),
    );
  });
});
