import { AgentBench } from '../support/agent-bench';
import type { Behaviour } from '../support/scripted-model';

/* A model that may say where its proposals had better run, among the sites of the study. */

let bench: AgentBench;

beforeAll(async () => {
  bench = await AgentBench.start({
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
    /## Sites[^\n]*\n- local: takes [34] trials now; 0 of ours wait in its queue\n- near: takes 2 trials now; 0 of ours/,
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
