import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadJobs, parseParamsJson } from '../../../src/config';
import { parseYaml } from '../../../src/config/yaml-source';

test('a whole number that would become another one is refused, where it stands', () => {
  expect(() => parseYaml('a:\n  - 9007199254740993\n', 'study.yaml')).toThrow(
    "9007199254740993 can't be kept exactly: it would become 9007199254740992",
  );
  expect(() => parseParamsJson('{"seed": -12345678901234567890}')).toThrow("can't be kept exactly");
  expect(() => parseYaml(`a: ${'9'.repeat(400)}`, 'study.yaml')).toThrow('it would become Infinity');
});

test('one that stays what it is, and one with a point or an exponent, is taken', () => {
  const text =
    '{"a": 9007199254740992, "b": 10000000000000000000000, "c": 9007199254740993.0, "d": 1e300, "e": "9007199254740993"}';
  expect(parseYaml(text, 'x').data).toEqual(JSON.parse(text));
});

test('in a list of jobs its line is named', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'perdure-exact-'));
  try {
    const file = join(folder, 'jobs.jsonl');
    writeFileSync(
      file,
      '{"command": ["true"]}\n{"command": ["true"], "params": {"id": [9007199254740993]}}\n',
    );
    await expect(loadJobs(file)).rejects.toMatchObject({
      where: expect.stringContaining('jobs.jsonl:2') as unknown,
      message: "9007199254740993 can't be kept exactly: it would become 9007199254740992",
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
