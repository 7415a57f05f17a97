import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import {
  decodeResult,
  functionCode,
  pack,
  resultSerializers,
  taskPayload,
  unpack,
} from '../../src/schedulers/globus/serialization';
import type { Json } from '../../src/study/json';
import { globusBin, globusSdkAvailable } from '../support/globus/python';

const available = globusSdkAvailable();
const real = available ? test : test.skip;
const name = (what: string): string => (available ? what : `${what} (skipped: needs globus-compute-sdk)`);

let python: ChildProcessWithoutNullStreams;
let answers: AsyncIterator<string>;
beforeAll(() => {
  if (!available) return;
  const script = join(__dirname, '..', 'support', 'globus', 'compute-serializer.py');
  python = spawn(join(globusBin, 'python'), [script]);
  answers = createInterface({ input: python.stdout })[Symbol.asyncIterator]();
});
afterAll(async () => {
  if (!available) return;
  python.stdin.end();
  await once(python, 'close');
});

/** What the real ComputeSerializer makes of it. */
async function ask(request: object): Promise<{ readonly value?: unknown; readonly error?: string }> {
  python.stdin.write(`${JSON.stringify(request)}\n`);
  const { value } = (await answers.next()) as { value: string };
  return JSON.parse(value) as { value?: unknown; error?: string };
}

/** Runs a function of ours with the real serializer, as a worker of an endpoint does, and reads what it gives. */
async function call(text: string, args: readonly Json[]): Promise<ReturnType<typeof decodeResult> | string> {
  const said = await ask({
    do: 'call',
    function: functionCode('f', text),
    payload: taskPayload(args),
    serializers: resultSerializers,
  });
  return typeof said.value === 'string' ? decodeResult(said.value) : (said.error ?? '');
}

const odd = ['', 'a', 'ü', '😀', 'a😀b\n', '\r\n', '\u0000', '\u2028', '𝒳'.repeat(5), '12\nx'];

real(name('packs are the same, byte for byte, in both directions'), async () => {
  expect((await ask({ do: 'pack', buffers: odd })).value).toBe(pack(odd));
  expect((await ask({ do: 'unpack', text: pack(odd) })).value).toEqual(odd);
  const theirs = (await ask({ do: 'pack', buffers: [...odd].reverse() })).value as string;
  expect(unpack(theirs)).toEqual([...odd].reverse());
});

real(name('arguments arrive as they were sent, whatever is in them'), async () => {
  const args = [{ text: odd, number: [0.1, -1.5, 1e308, 2 ** 53 - 1], nested: { null: null, true: true } }];
  expect(await call('def f(x):\n    return x\n', args)).toEqual({ value: args[0] });
});

real.each([
  [
    'several functions, imports and a decorator',
    'import math, functools\ndef g(x):\n    return math.sqrt(x)\n@functools.lru_cache\ndef f(x):\n    return g(x)\n',
    [16],
    { value: 4 },
  ],
  ['line ends of Windows', 'def f(x):\r\n    return x\r\n', ['a'], { value: 'a' }],
  ['an emoji in the source', 'def f(x):\n    return "😀" + x\n', ['é'], { value: '😀é' }],
  [
    'NaN and infinities',
    'def f():\n    return [float("nan"), float("inf"), -float("inf")]\n',
    [],
    { value: [Number.NaN, Infinity, -Infinity] },
  ],
  ['an integer past 2^53', 'def f():\n    return 2**53 + 1\n', [], { value: 2 ** 53 }],
  ['a tuple', 'def f():\n    return (1, (2,))\n', [], { value: [1, [2]] }],
  ['a set', 'def f():\n    return {1}\n', [], { error: 'the function returned what JSON can not hold' }],
] as const)(name('a function with %s gives what it returns'), async (_what, text, args, expected) => {
  expect(await call(text, args)).toEqual(expected);
});

real(name('what no serializer of ours can hold says so at the endpoint'), async () => {
  expect(await call('def f():\n    return (x for x in [])\n', [])).toContain('SerializationError');
});

real.each([
  ['JSONData', '{"a": 1, "b": "é😀"}', { value: { a: 1, b: 'é😀' } }],
  ['AllDataStrategies', '{"a": [1, 2], "b": "😀"}', { value: { a: [1, 2], b: '😀' } }],
  ['AllDataStrategies', '{1, 2}', { error: 'the function returned what JSON can not hold' }],
  ['DillDataBase64', '{"a": 1}', { error: 'the function returned what JSON can not hold' }],
] as const)(name("results in the form of the SDK's %s are read: %s"), async (strategy, python, expected) => {
  const said = await ask({ do: 'serialize', strategy, python });
  expect(decodeResult(said.value as string)).toEqual(expected);
});
