import type { ToolRequest } from '../../src/agent/round';
import type { StudyHandle } from '../../src/client/study-handle';
import { PerdureError } from '../../src/study/error';
import type { StudySpec } from '../../src/study/spec';
import type { Trial } from '../../src/study/trial';
import { AgentBench } from '../support/agent-bench';
import { until } from '../support/installation';
import type { Behaviour } from '../support/scripted-model';

/* What a model may ask of its study: each tool is carried out once and refused once; and at which site it wants its trials. */

let bench: AgentBench;

beforeAll(async () => {
  bench = await AgentBench.start({
    slots: 8,
    sites: {
      near: { scheduler: 'local', slots: 2 },
      gated: {
        ...{ scheduler: 'pbs', working_dir: '/tmp/perdure-never', poll_interval: '1s', walltime: '00:10:00' },
        transport: { type: 'openssh', host: 'login.example.org', control_path: '/nonexistent/master' },
      },
    },
  });
});

afterAll(() => bench.stop());

const pruner = { type: 'hyperband', min_resource: 1, max_resource: 9, reduction_factor: 3 } as const;

/** An answer that proposes one trial, and asks for something. */
function asks(tool: string, args: object): Behaviour {
  const proposals = [{ params: { x: 0.61, kind: 'linear' }, rationale: 'as good as any' }];
  return {
    text: JSON.stringify({ proposals, requests: [{ tool, arguments: args, reason: 'it is enough' }] }),
  };
}

/** A held study whose model has asked for something, and what became of that. */
async function asked(
  name: string,
  tool: string,
  args: object,
  sampler: object = {},
): Promise<{ readonly study: StudyHandle; readonly request: ToolRequest; readonly open: () => void }> {
  const { trial, open } = bench.gate(name);
  const study = await bench.study(
    name,
    await bench.model(asks(tool, args), 'good'),
    { batch: 1, tools: [tool], ...sampler },
    { trial, pruner, budget: { trials: 6, parallel: 2 } },
  );
  let request: ToolRequest | undefined;
  await until('the request has its outcome', async () => {
    const rounds = await bench.session.ledger.listRounds(name);
    request = rounds[0]?.requests[0];
    return request?.outcome !== undefined;
  });
  if (request === undefined) throw new Error('the model has asked for nothing');
  return { study, request, open };
}

async function specOf(study: StudyHandle): Promise<StudySpec | undefined> {
  return (await study.read()).perdure?.spec;
}

/** What the model is told of it in its next round. */
function told(): string {
  const prompts = (bench.models.at(-1)?.asked ?? []).filter(({ purpose }) => purpose === 'propose');
  return prompts[1]?.prompt ?? '';
}

const cases: readonly {
  readonly tool: string;
  readonly good: object;
  /** That it was done. */
  readonly holds: (spec: StudySpec | undefined, trials: readonly Trial[]) => void;
  readonly bad: object;
  /** The same, asked for by a person. */
  readonly person: (study: StudyHandle) => Promise<unknown>;
  readonly refusal: RegExp;
}[] = [
  {
    tool: 'narrow_space',
    good: { x: { low: 0.2, high: 0.9 } },
    holds: (spec) => {
      expect(spec?.space['x']?.distribution).toMatchObject({ low: 0.2, high: 0.9 });
    },
    bad: { xx: { high: 0.9 } },
    person: (study) => study.adjust({ space: { xx: { high: 0.9 } } }),
    refusal: /the study has no parameter 'xx'/,
  },
  {
    tool: 'widen_space',
    good: { bend: { high: 16 } },
    holds: (spec) => {
      expect(spec?.space['bend']?.distribution).toMatchObject({ low: 1, high: 16 });
    },
    bad: { bend: { choices: [1, 2] } },
    person: (study) => study.adjust({ space: { bend: { choices: [1, 2] } } }),
    refusal: /'bend' has no choices: its type is int/,
  },
  {
    tool: 'change_fidelity',
    good: { min_resource: 2, reduction_factor: 4 },
    holds: (spec) => {
      expect(spec?.pruner).toEqual({ ...pruner, min_resource: 2, reduction_factor: 4 });
    },
    bad: { min_resource: 10 },
    person: (study) => study.adjust({ pruner: { ...pruner, min_resource: 10 } }),
    refusal: /'max_resource' of the pruner is 9, below its 'min_resource' 10/,
  },
  {
    tool: 'enqueue',
    good: { x: 0.125 },
    holds: (_, trials) => {
      const one = trials.find(({ params }) => params['x'] === 0.125);
      expect(one).toMatchObject({
        state: 'COMPLETE',
        userAttrs: { proposed_by: 'agent', rationale: 'it is enough' },
      });
    },
    bad: { x: 7 },
    person: (study) => study.enqueue({ x: 7 }),
    refusal: /x = 7 is not a number from 0 to 1/,
  },
];

test.each(cases)('$tool is done, and everybody can see it', async ({ tool, good, holds }) => {
  const { study, request, open } = await asked(`done-${tool}`, tool, good);
  expect(request).toMatchObject({ tool, arguments: good, outcome: 'done', reason: 'it is enough' });
  open();
  expect(await study.result()).toMatchObject({ state: 'complete', trials: { complete: 6 } });
  holds(await specOf(study), await study.trials());
  const shown = `asked for ${tool} ${JSON.stringify(good)} (it is enough): done`;
  expect(await bench.installation.must('explain', study.name)).toContain(shown);
  expect(told()).toContain(`## What became of your requests\n- ${tool} ${JSON.stringify(good)}: done`);
});

test.each(cases)('$tool is refused as a person is', async ({ tool, bad, person, refusal }) => {
  const { study, request, open } = await asked(`refused-${tool}`, tool, bad);
  const before = await study.read();
  const refused: unknown = await person(study).catch((error: unknown) => error);
  if (!(refused instanceof PerdureError)) throw new Error('a person was not refused');
  expect(refused.message).toMatch(refusal);
  expect(request.outcome).toBe(`refused: ${refused.message}`);
  expect(before.perdure?.specVersion).toBe(1);
  open();
  expect(await study.result()).toMatchObject({ state: 'complete', trials: { complete: 6 } });
  const words = (await bench.installation.must('explain', study.name)).replaceAll(/\s+/g, ' ');
  expect(words).toContain(`asked for ${tool} ${JSON.stringify(bad)} (it is enough): refused: `);
  expect(words).toMatch(refusal);
  expect(told()).toMatch(refusal);
});

test('a tool that the study does not list is refused, whatever it is', async () => {
  const model = await bench.model(asks('stop_study', {}), 'good');
  const study = await bench.study('unlisted', model, { batch: 1, tools: ['enqueue'] }, { budget: { trials: 4, parallel: 1 } }); // prettier-ignore
  expect(await study.result()).toMatchObject({ state: 'complete', trials: { complete: 4 } });
  const [round] = await bench.session.ledger.listRounds('unlisted');
  expect(round?.requests).toEqual([]);
  expect(round?.problems).toEqual(['"stop_study" is not among the tools: enqueue']);
  expect(await bench.installation.must('explain', 'unlisted')).toContain(
    'problem: "stop_study" is not among the tools',
  );
});

test('what waits for a person is recorded with what the person said', async () => {
  const names = ['approved', 'disapproved'] as const;
  for (const name of names) {
    const study = await bench.study(
      name,
      await bench.model(asks('stop_study', {}), 'good'),
      { batch: 1, tools: ['stop_study'], approval: 'first' },
      { budget: { trials: 4, parallel: 1 } },
    );
    await until('both wait', async () => (await study.status()).agent?.awaiting_approval.length === 2);
    if (name === 'approved') expect(await study.approve({ number: 2 })).toEqual([2]);
    else expect(await study.reject({ number: 2, reason: 'go on' })).toEqual([2]);
    if (name === 'disapproved') await study.approve();
    await study.result();
  }
  const outcomes = await Promise.all(
    names.map(async (name) => {
      const [first] = await bench.session.ledger.listRounds(name);
      return first?.requests.map(({ outcome }) => outcome);
    }),
  );
  expect(outcomes).toEqual([['done'], ['refused by a person: go on']]);
});

describe('the site that a model prefers', () => {
  /** An answer with one proposal for each of these sites. */
  function at(...sites: readonly (string | null)[]): Behaviour {
    const proposals = sites.map((site, i) => ({
      params: { x: 0.61 + i / 100, kind: 'linear' },
      rationale: `this one fits ${String(site)}`,
      site,
    }));
    return { text: JSON.stringify({ proposals }) };
  }

  const budget = { trials: 4, parallel: 1 };

  test('it is told of queue and health, and a trial runs where it wants it, with the reason', async () => {
    const model = await bench.model(at('near', null), 'good');
    const study = await bench.study('prefers', model, {}, { budget, sites: ['local', 'near'] });
    expect(await study.result()).toMatchObject({ state: 'complete', trials: { complete: 4 } });
    expect(model.asked[0]?.prompt).toMatch(
      /## Sites[^\n]*\n- local: takes [78] trials now; 0 of ours wait in its queue\n- near: takes 2 trials now; 0 of ours/,
    );
    expect(model.asked[0]?.prompt).toContain('"site": one of the sites or null');
    const own = (await study.trials()).filter(({ userAttrs }) => userAttrs['proposed_by'] === 'agent');
    expect(own.map(({ userAttrs }) => userAttrs['site'])).toEqual(['near', 'local']);
    expect(own[0]?.userAttrs).toMatchObject({
      preferred_site: 'near',
      rationale: 'this one fits near',
      site_changes: [{ attempt: 1, site: 'near', why: 'whoever proposed it prefers this site' }],
    });
    expect(own[1]?.userAttrs).not.toHaveProperty('preferred_site');
    const told = await bench.installation.must('explain', 'prefers', String(own[0]?.number));
    expect(told).toContain('because: this one fits near\n  it was to run at near\n');
  });

  test('where the site that it wants takes nothing the trial goes on to the next one, and says why', async () => {
    const model = await bench.model(at('gated', 'gated'));
    const study = await bench.study('gated', model, {}, { budget, sites: ['local', 'gated'] });
    await study.result();
    const prompt = model.asked[0]?.prompt ?? '';
    expect(prompt).toContain('- gated: takes no trials until a person has logged in');
    // What a site says of itself is for people.
    expect(prompt).not.toContain('example.org');
    const own = (await study.trials()).find(({ userAttrs }) => userAttrs['proposed_by'] === 'agent');
    expect(own).toMatchObject({
      state: 'COMPLETE',
      userAttrs: {
        preferred_site: 'gated',
        site: 'local',
        site_changes: [
          { attempt: 1, site: 'local', why: expect.stringMatching(/^gated needs a login/) as string },
        ],
      },
    });
    expect(await bench.installation.must('explain', 'gated', String(own?.number))).toContain(
      'it was to run at gated; it ran at local',
    );
  });

  test('a site that the study does not have is refused and mended', async () => {
    const study = await bench.study('mended', await bench.model(at('gated', 'near'), 'good'), {}, { budget, sites: ['local', 'near'] }); // prettier-ignore
    await study.result();
    const [round] = await bench.session.ledger.listRounds('mended');
    expect(round).toMatchObject({
      end: 'accepted',
      repairs: 1,
      mistakes: { invalid: 1 },
      problems: ['proposal 1 names the site "gated"; the study has: local, near'],
    });
    expect(bench.models.at(-1)?.asked[1]?.prompt).toContain('names the site "gated"');
    for (const { userAttrs } of await study.trials()) expect(['local', 'near']).toContain(userAttrs['site']);
  });

  test('one that insists on it leaves its trials to the backbone, with the reason', async () => {
    const model = await bench.model(at('/etc/passwd', 'moon'));
    const study = await bench.study('insists', model, {}, { budget, sites: ['local', 'near'] });
    expect(await study.result()).toMatchObject({ state: 'complete', trials: { complete: 4 } });
    const [, second] = await study.trials();
    expect(second?.userAttrs).toMatchObject({
      ...{ proposed_by: 'random', instead_of: 'agent', site: 'local' },
      fallback: expect.stringContaining('names the site "moon"; the study has: local, near') as string,
    });
  });
});
