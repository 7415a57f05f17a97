import type { RoundRecord } from '../../src/agent/round';
import { openStudy } from '../../src/client/start-study';
import type { Session } from '../../src/client/session';
import type { StudyHandle } from '../../src/client/study-handle';
import { readStudy } from '../../src/config';
import { Installation } from '../support/installation';
import { ScriptedModel, type Behaviour } from '../support/scripted-model';

/* Studies whose sampler is a language model: real workers and a real server, and a model that answers as a script says. */

let installation: Installation;
let session: Session;
const models: ScriptedModel[] = [];

beforeAll(async () => {
  process.env['AGENT_TEST_KEY'] = 'sk-secret-of-the-test';
  installation = new Installation();
  await installation.must('up');
  session = await installation.session();
}, 120_000);

afterAll(async () => {
  await session.close();
  for (const model of models) await model.stop();
  await installation.must('down');
  await installation.destroy();
}, 60_000);

/** Good proposals of the space below, none of them twice. */
function good(n: number): Readonly<Record<string, unknown>> {
  return n % 2 === 0
    ? { x: Number((0.501 + n / 1000).toFixed(6)), kind: 'linear' }
    : { x: Number((0.501 + n / 1000).toFixed(6)), kind: 'curved', bend: 1 + (n % 8) };
}

async function model(...script: Behaviour[]): Promise<ScriptedModel> {
  const started = await ScriptedModel.start({
    propose: good,
    slowness: 3000,
    repeated: { x: 0.5, kind: 'linear' },
  });
  started.script = script.length === 0 ? ['good'] : script;
  models.push(started);
  return started;
}

async function start(
  name: string,
  url: string,
  sampler: Readonly<Record<string, unknown>> = {},
  changes: Readonly<Record<string, unknown>> = {},
): Promise<StudyHandle> {
  installation.write('agent-trial.sh', `printf '{"loss": %s}' "$1" >"$PERDURE_RESULT"\n`);
  const study = await readStudy(
    {
      name,
      objective: { metric: 'loss', direction: 'minimize' },
      space: {
        x: { type: 'float', low: 0, high: 1 },
        kind: { type: 'categorical', choices: ['linear', 'curved'] },
        bend: { type: 'int', low: 1, high: 8, when: { kind: 'curved' } },
      },
      sampler: {
        type: 'agent',
        model: {
          provider: 'openai_compatible',
          base_url: url,
          name: 'scripted',
          api_key_env: 'AGENT_TEST_KEY',
          retries: 1,
          timeout: '2s',
          price: { input: 1, output: 2 },
        },
        context: 'A test.',
        backbone: { type: 'random', seed: 1 },
        share: 0.5,
        batch: 2,
        ...sampler,
      },
      trial: { command: ['sh', 'agent-trial.sh', '{x}'], files: ['agent-trial.sh'] },
      budget: { trials: 8, parallel: 2 },
      ...changes,
    },
    { where: 'test', directory: installation.folder },
  );
  return (await openStudy(session, study)).handle;
}

test('a model proposes its share, after the default configuration, with the reason in each trial', async () => {
  const scripted = await model();
  const study = await start('good', scripted.url);
  expect(await study.result()).toMatchObject({ state: 'complete', trials: { complete: 8 } });
  const trials = await study.trials();
  expect(trials[0]).toMatchObject({
    params: { x: 0.5, kind: 'linear' },
    userAttrs: { proposed_by: 'default' },
  });
  const origins = trials.map(({ userAttrs }) => userAttrs['proposed_by']);
  expect(origins.filter((by) => by === 'agent')).toHaveLength(4);
  expect(origins.filter((by) => by === 'random')).toHaveLength(3);
  const own = trials.find(({ userAttrs }) => userAttrs['proposed_by'] === 'agent');
  expect(own?.userAttrs).toMatchObject({
    rationale: 'good proposal 0',
    agent_call: '1.1',
    agent_model: 'scripted',
  });
  expect(own?.userAttrs['agent_tokens']).toBeGreaterThan(100);
  expect(scripted.asked[0]?.authorization).toBe('Bearer sk-secret-of-the-test');
});

/** Each way in which a model misbehaves, what its round comes to, and what the ledger says of it. */
const misbehaviours: readonly {
  readonly script: readonly Behaviour[];
  readonly end: RoundRecord['end'];
  readonly says?: RegExp;
  readonly mistakes?: Partial<RoundRecord['mistakes']>;
  readonly repairs?: number;
}[] = [
  { script: ['prose around JSON'], end: 'accepted', repairs: 0 },
  { script: ['out of range', 'good'], end: 'accepted', mistakes: { invalid: 2 }, repairs: 1 },
  { script: ['malformed JSON', 'good'], end: 'accepted', mistakes: { unreadable: 1 }, repairs: 1 },
  { script: ['refusal', 'good'], end: 'accepted', mistakes: { unreadable: 1 }, repairs: 1 },
  { script: ['refusal'], end: 'invalid', says: /holds no JSON/, mistakes: { unreadable: 3 }, repairs: 2 },
  { script: ['out of range'], end: 'invalid', says: /is not a number from 0 to 1/, mistakes: { invalid: 6 } },
  { script: ['repeats'], end: 'invalid', says: /repeats a trial/, mistakes: { duplicate: 6 } },
  { script: ['injection'], end: 'invalid', says: /no tools|there are none|no parameter|no object/ },
  { script: ['429', 'good'], end: 'accepted', repairs: 0 },
  { script: ['500', 'good'], end: 'accepted', repairs: 0 },
  { script: ['cut connection', 'good'], end: 'accepted', repairs: 0 },
  { script: ['slow', 'good'], end: 'accepted', repairs: 0 },
  { script: ['500'], end: 'away', says: /status 500 \(.*the model has crashed/ },
  { script: ['slow'], end: 'away', says: /no answer in 2 s/ },
  { script: ['cut connection'], end: 'away', says: /the answer was lost/ },
  { script: ['unauthorized'], end: 'away', says: /status 401 \(.*wrong key Bearer \*\*\*/ },
];

test.each(misbehaviours)('$script: the study goes on, and the ledger says why', async (one) => {
  const { script, end, says, mistakes, repairs } = one;
  const scripted = await model(...script);
  const study = await start(
    `bad-${script.map((step) => (typeof step === 'string' ? step : 'text')).join('-')}`.replaceAll(' ', '-'),
    scripted.url,
    {},
    {
      budget: { trials: 3, parallel: 1 },
    },
  );
  expect(await study.result()).toMatchObject({ state: 'complete', trials: { complete: 3 } });
  const [round] = await session.ledger.listRounds(study.name);
  expect(round).toMatchObject({ end });
  if (mistakes !== undefined) expect(round?.mistakes).toMatchObject(mistakes);
  if (repairs !== undefined) expect(round?.repairs).toBe(repairs);
  if (says !== undefined) expect(round?.reason).toMatch(says);
  const [, second] = await study.trials();
  expect(second?.userAttrs).toMatchObject(
    end === 'accepted'
      ? { proposed_by: 'agent' }
      : { proposed_by: 'random', instead_of: 'agent', fallback: round?.reason },
  );
  for (const { params } of await study.trials()) {
    expect(Object.keys(params).every((name) => ['x', 'kind', 'bend'].includes(name))).toBe(true);
  }
});
