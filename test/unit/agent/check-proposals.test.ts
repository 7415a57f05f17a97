import { checkAnswer, paramsKey, type CheckContext } from '../../../src/agent/check-proposals';
import { extractJson } from '../../../src/agent/extract-json';
import type { SearchSpace } from '../../../src/study/space';

const space: SearchSpace = {
  lr: { distribution: { type: 'float', low: 1e-5, high: 0.1, log: true, step: null } },
  layers: { distribution: { type: 'int', low: 1, high: 9, log: false, step: 2 } },
  optimizer: { distribution: { type: 'categorical', choices: ['adam', 'sgd'] } },
  momentum: {
    distribution: { type: 'float', low: 0, high: 1, log: false, step: null },
    when: { optimizer: ['sgd'] },
  },
};

function context(changes: Partial<CheckContext> = {}): CheckContext {
  return { space, known: new Set(), wanted: 4, tools: [], sites: ['local'], ...changes };
}

const adam = { lr: 0.01, layers: 3, optimizer: 'adam' };
const sgd = { lr: 0.01, layers: 3, optimizer: 'sgd', momentum: 0.9 };

function answer(...params: readonly object[]): string {
  return JSON.stringify({ proposals: params.map((one) => ({ params: one, rationale: 'because' })) });
}

describe('JSON in an answer', () => {
  test.each([
    ['alone', '{"a": [1]}'],
    ['in a fence', 'Sure:\n```json\n{"a": [1]}\n```\nDone {or so}.'],
    ['after thoughts with an example', '<think>maybe {"a": [2, 3, 4, 5]}</think>{"a": [1]}'],
    ['with a trailing comma', '{"a": [1,],}'],
    ['after a bracket in prose', 'see [1] and {x: {"a": [1]}'],
    ['with brackets in a text', 'so: {"a": [1], "b": "}{"}'],
  ])('%s', (_, text) => {
    expect(extractJson(text)).toMatchObject({ a: [1] });
  });

  test('there may be none, and that is told fast', () => {
    expect(extractJson("I can't help with that.")).toBeUndefined();
    expect(extractJson('{'.repeat(1_000_000))).toBeUndefined();
    expect(extractJson("{'a': 1}")).toBeUndefined();
  });
});

describe('proposals', () => {
  test('that are valid come through with their reasons', () => {
    const { proposals, problems } = checkAnswer(answer(adam, sgd), context());
    expect(proposals).toEqual([
      { params: adam, rationale: 'because' },
      { params: sgd, rationale: 'because' },
    ]);
    expect(problems).toEqual([]);
  });

  test('may come as a bare list, alone, or without reasons', () => {
    expect(checkAnswer(JSON.stringify([adam]), context()).proposals).toHaveLength(1);
    expect(checkAnswer(JSON.stringify({ params: adam }), context()).proposals).toHaveLength(1);
  });

  test('leave out what is inactive, or say null for it', () => {
    const { proposals } = checkAnswer(answer({ ...adam, momentum: null }), context());
    expect(proposals[0]?.params).toEqual(adam);
  });

  test.each([
    ['out of range', { ...adam, lr: 5 }, /lr = 5 is not a number from/, 'invalid'],
    ['of a wrong type', { ...adam, lr: '0.01' }, /lr = "0.01" is not a number/, 'invalid'],
    ['off the step', { ...adam, layers: 4 }, /layers = 4 is not a whole number/, 'invalid'],
    ['of an unknown choice', { ...adam, optimizer: 'adamw' }, /one of "adam", "sgd"/, 'invalid'],
    ['with a name that is none', { ...adam, command: 'rm -rf ~' }, /no parameter 'command'/, 'invalid'],
    ['with a name of every object', { ...adam, constructor: 1 }, /no parameter 'constructor'/, 'invalid'],
    ['with a condition ignored', { ...adam, momentum: 0.5 }, /'momentum' is not active/, 'inactive'],
    [
      'with a parameter missing',
      { lr: 0.01, layers: 3, optimizer: 'sgd' },
      /'momentum' is missing/,
      'inactive',
    ],
    ['with an object for a value', { ...adam, lr: { $gt: 0 } }, /no object 'params' of numbers/, 'invalid'],
  ] as const)('%s are a problem, and counted', (_, params, problem, mistake) => {
    const checked = checkAnswer(answer(params, sgd), context());
    expect(checked.proposals).toHaveLength(1);
    expect(checked.problems).toEqual([expect.stringMatching(problem)]);
    expect(checked.mistakes[mistake]).toBe(1);
  });

  test('are not repeated: neither trials nor each other', () => {
    const known = new Set([paramsKey(sgd)]);
    const checked = checkAnswer(answer(sgd, adam, { ...adam, lr: 0.010000000000001 }), context({ known }));
    expect(checked.proposals).toHaveLength(1);
    expect(checked.mistakes.duplicate).toBe(2);
  });

  test('beyond those that are wanted are passed over', () => {
    expect(checkAnswer(answer(adam, sgd), context({ wanted: 1 })).proposals).toHaveLength(1);
  });

  test('may prefer a site of the study, and no other', () => {
    const text = JSON.stringify({
      proposals: [
        { params: adam, site: 'aurora' },
        { params: sgd, site: 'evil; sh' },
        { params: sgd, site: null },
      ],
    });
    const { proposals, problems, mistakes } = checkAnswer(text, context({ sites: ['local', 'aurora'] }));
    expect(proposals.map(({ site }) => site)).toEqual(['aurora', undefined]);
    expect(problems).toEqual(['proposal 2 names the site "evil; sh"; the study has: local, aurora']);
    expect(mistakes.invalid).toBe(1);
  });

  test('name a site in vain where there is only one', () => {
    const text = JSON.stringify({ proposals: [{ params: adam, site: 'default' }] });
    expect(checkAnswer(text, context()).proposals).toEqual([{ params: adam, rationale: '' }]);
  });

  test('of a rationale one short line is kept', () => {
    const text = JSON.stringify({
      proposals: [{ params: adam, rationale: `a\u001b[2J\n${'b'.repeat(5000)}` }],
    });
    const rationale = checkAnswer(text, context()).proposals[0]?.rationale ?? '';
    expect(rationale.length).toBeLessThanOrEqual(600);
    expect(rationale).not.toMatch(/\p{Cc}/u);
  });
});

describe('requests', () => {
  const ask = (tool: string, args: unknown): string =>
    JSON.stringify({ proposals: [{ params: adam }], requests: [{ tool, arguments: args, reason: 'so' }] });

  test('come through where the study has the tool, with arguments as text or object', () => {
    const narrow = { lr: { high: 0.01 } };
    for (const args of [narrow, JSON.stringify(narrow)]) {
      const { requests } = checkAnswer(ask('narrow_space', args), context({ tools: ['narrow_space'] }));
      expect(requests).toEqual([{ tool: 'narrow_space', arguments: narrow, reason: 'so' }]);
    }
  });

  test.each(['run_command', 'stop_study', '__proto__'])(
    'for %s are refused where it is no tool of the study',
    (tool) => {
      const checked = checkAnswer(ask(tool, {}), context({ tools: ['narrow_space'] }));
      expect(checked.requests).toEqual([]);
      expect(checked.problems).toEqual([expect.stringContaining('is not among the tools: narrow_space')]);
    },
  );
});
