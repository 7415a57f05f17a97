import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { endpointConfigProblems } from '../../../src/config';
import type { Json } from '../../../src/study/json';

const aurora = JSON.parse(
  readFileSync(resolve(__dirname, '../../../config/globus_user_config_schema.json'), 'utf8'),
) as object;

function problems(config: Readonly<Record<string, Json>>, schema: unknown = aurora): readonly string[] {
  return endpointConfigProblems('far', config, schema).map(
    ({ where, message, hint }) => `${where}: ${message}${hint === undefined ? '' : ` (${hint})`}`,
  );
}

test('what the endpoint takes has no problems', () => {
  expect(problems({ account: 'X', queue: 'debug', walltime: '01:00:00', max_blocks: 2 })).toEqual([]);
});

// The same cases as the real daemon refuses, in globus-aurora-endpoint.test.ts.
test.each<readonly [Readonly<Record<string, Json>>, RegExp]>([
  [{}, /'account' is missing/],
  [
    { account: 'X', walltme: '01:00:00' },
    /user_endpoint_config\.walltme: 'walltme' is not known.*'walltime'/,
  ],
  [{ account: 'X; rm -rf /' }, /user_endpoint_config\.account: 'account' can't be .*must match pattern/],
  [{ account: 'X', walltime: '1h' }, /'walltime' can't be/],
  [
    { account: 'X', walltime: 3600 },
    /'walltime' has to be text, not 3600 \(write it in quotes: walltime: "3600"\)/,
  ],
  [{ account: 'X', workers_per_node: 24 }, /'workers_per_node' has to be at most 12, not 24/],
])('%j is refused with its place and a word on it', (config, words) => {
  const found = problems(config);
  expect(found).toHaveLength(1);
  expect(found[0]).toMatch(words);
  expect(found[0]).toMatch(/^site far: user_endpoint_config/);
});

test.each([
  ['no schema', null],
  ['a condition', { if: { required: ['a'] }, then: { required: ['b'] } }],
  ['a reference to elsewhere', { $ref: 'https://example.org/schema.json' }],
  [
    'a format, which the endpoint does not look at',
    { properties: { a: { type: 'string', format: 'uri' } }, type: 'object' },
  ],
])('%s is left to the endpoint', (_what, schema) => {
  expect(problems({ a: 'X' }, schema)).toEqual([]);
});
