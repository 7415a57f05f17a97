import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { resolve } from 'node:path';
import { costOf } from '../../src/agent/limits';
import { repairPrompt } from '../../src/agent/prompts';
import type { ModelAnswer } from '../../src/models/ask-model';
import type { ModelSpec } from '../../src/study/spec';

/* What odd services answer, taken as it comes by HTTP. */

/** Asks in a process of its own: the library is a module of the kind that jest does not load. */
const script = `
const { askModel } = require(${JSON.stringify(resolve(__dirname, '..', '..', 'dist', 'models', 'ask-model'))});
process.on('message', ({ spec, conversation, schema }) => {
  askModel(spec, conversation, schema, { env: {} }, new AbortController().signal).then(
    (answer) => process.send({ answer }),
    ({ failure, message, retryAfterMs }) => process.send({ error: { failure, message, retryAfterMs } }),
  );
});`;

let asker: ChildProcess;
let server: Server;
let answer: { readonly status: number; readonly body: string; readonly headers?: Record<string, string> };
const paths: string[] = [];

beforeAll(async () => {
  asker = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  server = createServer((request, response) => {
    paths.push(request.url ?? '');
    request.resume().once('end', () => {
      response.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers });
      response.end(answer.body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterAll(async () => {
  asker.disconnect();
  await once(asker, 'exit');
  server.closeAllConnections();
  server.close();
});

const price = { input: 1, output: 2 };

async function ask(changes: Partial<ModelSpec> = {}): Promise<ModelAnswer> {
  const { port } = server.address() as AddressInfo;
  const spec: ModelSpec = {
    provider: 'openai_compatible',
    name: 'odd',
    baseUrl: `http://127.0.0.1:${String(port)}/tenant/a/v1/`,
    maxOutputTokens: 100,
    timeout: 5000,
    retries: 0,
    callsPerMinute: 1000,
    price,
    ...changes,
  };
  const conversation = { system: 's', messages: [{ role: 'user' as const, content: 'c' }] };
  const schema = { type: 'object', properties: {}, required: [], additionalProperties: false };
  asker.send({ spec, conversation, schema });
  const [said] = (await once(asker, 'message')) as [{ answer: ModelAnswer } | { error: object }];
  if ('error' in said) throw Object.assign(new Error('no answer'), said.error);
  return said.answer;
}

function says(message: object, usage?: object): void {
  const choice = { index: 0, message: { role: 'assistant', ...message }, finish_reason: 'stop' };
  const body = { id: 'c', object: 'chat.completion', created: 1, model: 'odd', choices: [choice], usage };
  answer = { status: 200, body: JSON.stringify(body) };
}

const call = { id: '1', type: 'function', function: { name: 'run', arguments: '{"argv": ["id"]}' } };

test.each([
  ['a tool that nobody offered', { content: null, tool_calls: [call] }, ''],
  ['a tool beside its answer', { content: '{"proposals": []}', tool_calls: [call] }, '{"proposals": []}'],
  ['nothing at all', { content: null }, ''],
  ['an empty text', { content: '' }, ''],
  ['a refusal in a field of its own', { content: null, refusal: 'no' }, 'no'],
  ['a zero, which PostgreSQL keeps in no text', { content: '{"a": 1}\0' }, '{"a": 1}'],
])('a model that answers with %s has answered that', async (_, message, text) => {
  says(message, { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 });
  const { text: got, usage } = await ask();
  expect(got).toBe(text);
  expect(usage).toEqual({ tokens: 15, costUsd: costOf(10, 5, price) });
});

test('its address may have a path', () => {
  expect(new Set(paths)).toEqual(new Set(['/tenant/a/v1/chat/completions']));
});

test('of an endless answer so much is kept as is looked at, and of thoughts before it none', async () => {
  says({ content: 'x'.repeat(3_000_000) });
  expect((await ask()).text).toHaveLength(100_000);
  says({ content: `<think>${'x'.repeat(3_000_000)}</think>{"proposals": []}` });
  expect((await ask()).text).toBe('{"proposals": []}');
});

test.each([
  { prompt_tokens: -1_000_000, completion_tokens: 5 },
  { prompt_tokens: 10, completion_tokens: -5 },
  { prompt_tokens: 0, completion_tokens: 0 },
  { prompt_tokens: 1e18, completion_tokens: 1 },
  { prompt_tokens: 1.5, completion_tokens: 1 },
])('a usage that can not be is none: %j', async (usage) => {
  says({ content: '{}' }, usage);
  expect((await ask()).usage).toBeNull();
});

test.each([
  [401, 'refused'],
  [404, 'refused'],
  [402, 'refused'],
  [429, 'away'],
  [529, 'away'],
  [503, 'away'],
])('status %i: %s', async (status, failure) => {
  answer = { status, body: '<html>no</html>', headers: { 'retry-after': '7' } };
  await expect(ask()).rejects.toMatchObject({
    failure,
    ...(failure === 'away' ? { retryAfterMs: 7000 } : {}),
    message: expect.stringContaining(String(status)) as string,
  });
});

test('an answer that is no JSON, or of another protocol, is one that was lost', async () => {
  for (const body of ['<html>Welcome</html>', '{}', '[]', 'null', '']) {
    answer = { status: 200, body };
    await expect(ask()).rejects.toMatchObject({ failure: 'cut' });
  }
});

test('what is sent back for repair always says something, and no thoughts', () => {
  const before = { system: 's', messages: [] };
  const sent = (text: string): unknown => repairPrompt(before, text, ['p'], 1).messages[0];
  for (const nothing of ['', ' \n', '<think>hm</think>'])
    expect(sent(nothing)).toEqual({ role: 'assistant', content: '(no answer)' });
  expect(sent(`<think>${'x'.repeat(9000)}</think>\n{"a": 1}`)).toEqual({
    role: 'assistant',
    content: '{"a": 1}',
  });
});
