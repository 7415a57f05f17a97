import {
  decodeResult,
  functionCode,
  pack,
  taskPayload,
  unpack,
} from '../../../src/schedulers/globus/serialization';

test('lengths count code points, as Python does', () => {
  expect(pack(['a', 'ü', '😀', '\ud800', ''])).toBe('1\na1\nü1\n😀1\n\ud8000\n');
});

test.each([[[]], [['']], [['a\nb', '😀😀x', '12\n']], [['\r\n', 'é'.repeat(3)]]])(
  'what was packed is taken apart again: %j',
  (buffers) => {
    expect(unpack(pack(buffers))).toEqual(buffers);
  },
);

test.each(['x', '5\nabc', '-1\na', '1', '2\n😀'])('a pack that is cut off is none: %j', (text) => {
  expect(unpack(text)).toBeNull();
});

test('a function goes as the text that defines it, and arguments as JSON', () => {
  expect(functionCode('f', 'def f(x):\n    return "😀"\n')).toBe('30\nst\nf:def f(x):\n    return "😀"\n');
  expect(taskPayload([{ a: 1 }], { b: '😀' })).toBe('12\n11\n[{"a":1}]12\n11\n{"b":"😀"}');
});

test('numbers that JSON lacks are read, and large integers come as near as a number can', () => {
  const decoded = decodeResult(
    '11\n{"a": NaN, "b": [Infinity, -Infinity], "c": 9007199254740993, "d": "NaN"}',
  );
  expect(decoded).toEqual({
    value: { a: Number.NaN, b: [Infinity, -Infinity], c: 9007199254740992, d: 'NaN' },
  });
});

test('of a value in several forms the readable one is read', () => {
  expect(decodeResult(`13\n${pack(['00\ngASVBgAAAA==\n', '11\n{"x": "😀"}'])}`)).toEqual({
    value: { x: '😀' },
  });
});

test.each([
  ['00\ngASVBgAAAA==\n', 'what JSON can not hold'],
  [`13\n${pack(['00\ngASVBgAAAA==\n'])}`, 'what JSON can not hold'],
  ['13\n7\nabc', 'cut off'],
  ['11\n{"a": ', 'not JSON'],
  ['99\nx', 'not known here'],
  ['', 'not known here'],
])('a result that can not be read says why: %j', (buffer, why) => {
  expect(decodeResult(buffer)).toEqual({ error: expect.stringContaining(why) as string });
});
