import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exitCodeOf } from '../../../src/cli/terminal';
import { checkPrograms } from '../../../src/client/local-programs';
import {
  checkAgent,
  checkSites,
  loadSettings,
  loadStudy,
  parseAdjustment,
  parseParamsJson,
} from '../../../src/config';
import { applyAdjustment } from '../../../src/study/adjust';
import { PerdureError } from '../../../src/study/error';
import { checkParams } from '../../../src/study/space-membership';
import { badInputs, goodFiles, goodStudy, type BadInput } from '../../support/bad-inputs';

const directory = mkdtempSync(join(tmpdir(), 'perdure-bad-inputs-'));
const file = join(directory, 'study.yaml');
const good = join(directory, 'good.yaml');
const settingsFile = join(directory, 'perdure.yaml');

beforeAll(() => {
  for (const [name, text] of Object.entries(goodFiles)) writeFileSync(join(directory, name), text);
  writeFileSync(good, goodStudy);
});

afterAll(() => {
  rmSync(directory, { recursive: true });
});

/** Does with the input what the command does before it starts anything. */
async function check({ kind, text }: BadInput): Promise<void> {
  const shown = String(text);
  switch (kind) {
    case 'study':
      writeFileSync(file, text);
      await loadStudy(file);
      return;
    case 'start': {
      writeFileSync(file, text);
      const { spec, place } = await loadStudy(file);
      checkSites(spec, await loadSettings({ cwd: '/', env: {} }), place);
      await checkPrograms(spec, { local: true, directory, place });
      await checkAgent(spec, {}, {}, place);
      return;
    }
    case 'settings':
      writeFileSync(settingsFile, text);
      await loadSettings({ config: settingsFile, env: {} });
      return;
    case 'params': {
      const { spec } = await loadStudy(good);
      const [problem] = checkParams(spec.space, parseParamsJson(shown), { partial: true });
      if (problem !== undefined) throw new PerdureError('InvalidInput', problem.message);
      return;
    }
    case 'adjust': {
      const { spec } = await loadStudy(good);
      applyAdjustment(spec, parseAdjustment(shown, { spec }));
    }
  }
}

test('the study that all of these are made from is right', async () => {
  await expect(loadStudy(good)).resolves.toMatchObject({ spec: { name: 'digits' } });
});

test('there are at least 60 different ones', () => {
  expect(new Set(badInputs.map(({ text }) => String(text))).size).toBeGreaterThanOrEqual(60);
  expect(badInputs.filter(({ hint }) => hint === '')).toEqual([]);
  const ofFiles = badInputs.filter(({ kind }) => kind !== 'params' && kind !== 'adjust');
  expect(ofFiles.filter(({ line }) => line === undefined)).toEqual([]);
  expect(new Set(badInputs.map(({ kind, text }) => kind + String(text))).size).toBe(badInputs.length);
});

test.each(badInputs.map((input) => [`${input.kind}: ${input.name}`, input] as const))(
  '%s',
  async (_, input) => {
    const error: unknown = await check(input).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    if (!(error instanceof PerdureError)) throw new Error('it was not refused', { cause: error });
    expect(error.kind).toBe('InvalidInput');
    expect(exitCodeOf(error)).toBe(2);
    expect(error.text).toContain(input.hint);
    expect(error.text).toContain(input.message ?? '');
    if (input.secret !== undefined) expect(error.text).not.toContain(input.secret);
    if (input.line !== undefined) expect(error.where).toMatch(new RegExp(`:${String(input.line)}:\\d+$`));
    if (input.kind === 'study' || input.kind === 'start')
      expect(error.where).toMatch(/^\/.*study\.yaml:\d+:\d+$/);
  },
);
