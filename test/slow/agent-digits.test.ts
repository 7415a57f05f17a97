import { cpSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { embeddedServer } from '../../src/server/embedded-server';
import { benchKey } from '../support/agent-bench';
import { browserAvailable, openPage } from '../support/browser';
import { Broker, brokerAvailable } from '../support/globus/broker';
import { ComputeService } from '../support/globus/compute-service';
import { globusSdkAvailable } from '../support/globus/python';
import { RealEndpoint } from '../support/globus/real-endpoint';
import { Installation } from '../support/installation';
import { ScriptedModel } from '../support/scripted-model';
import { SshCluster } from '../support/ssh-cluster';
import { sshdAvailable } from '../support/sshd';

/* The digits example with a model that proposes, at each kind of site. PERDURE_TEST_SCREENSHOTS=FOLDER keeps pictures. */

const examples = resolve(__dirname, '..', '..', 'config', 'studies');
const pictures = process.env['PERDURE_TEST_SCREENSHOTS'];
const whenBrowser = browserAvailable() ? test : test.skip;
const whenSshd = sshdAvailable() ? test : test.skip;
const whenGlobus = globusSdkAvailable() && brokerAvailable() ? test : test.skip;

let model: ScriptedModel;

beforeEach(async () => {
  process.env['AGENT_TEST_KEY'] = benchKey;
  model = await ScriptedModel.start({
    propose: (n) => ({ learning_rate: 0.01 + n / 1000, hidden: 64 + 16 * (n % 8), optimizer: 'adam' }),
  });
  // So that each kind of step is in the history.
  model.script = ['out of range', 'good'];
});

afterEach(() => model.stop());

/** The study of 8 trials at this site; a half of them is the model's. */
async function run(installation: Installation, site: string): Promise<void> {
  cpSync(join(examples, 'train.py'), join(installation.folder, 'train.py'));
  const parts = `provider: openai_compatible, base_url: "${model.url}", name: scripted, api_key_env: AGENT_TEST_KEY`;
  const text = readFileSync(join(examples, 'digits.yaml'), 'utf8')
    .replace('.venv/bin/python', join(examples, '.venv/bin/python'))
    .replace('trials: 24, parallel: 4', 'trials: 8, parallel: 2')
    .replace(
      /^sampler: .*$/m,
      `sampler: {type: agent, model: {${parts}}, share: 0.5, batch: 2, critic: true, tools: [narrow_space]}`,
    )
    .replace('sites: [local]', `sites: [${site}]`);
  const out = await installation.must('run', installation.write('digits.yaml', text));
  expect(out).toContain('calls,');
  const session = await installation.session();
  try {
    const trials = await session.ledger.readTrials('digits', {});
    expect(trials.filter(({ userAttrs }) => userAttrs['proposed_by'] === 'agent')).toHaveLength(4);
    expect(trials.filter(({ state }) => state === 'FAIL')).toEqual([]);
    expect(Math.max(...trials.flatMap(({ values }) => values ?? []))).toBeGreaterThan(0.9);
  } finally {
    await session.close();
  }
}

whenBrowser(
  browserAvailable() ? 'on this machine; its history reads as a story' : 'skipped: needs Chromium',
  async () => {
    const installation = new Installation();
    try {
      await run(installation, 'local');
      const ui = `${embeddedServer(installation.home)?.ui ?? ''}/namespaces/default/workflows`;
      const picture = (name: string): string | undefined =>
        pictures === undefined ? undefined : join(pictures, `${name}.png`);
      const study = await openPage(`${ui}/${encodeURIComponent('perdure/digits')}`, picture('agent-study'));
      expect(study).toContain('round 1: agent proposes 2');
      const session = await installation.session();
      const handle = (await session.client()).workflow.getHandle('perdure/digits/agent/1');
      const { runId } = (await handle.describe()).raw.workflowExecutionInfo?.execution ?? {};
      await session.close();
      const round = await openPage(
        `${ui}/${encodeURIComponent('perdure/digits/agent/1')}/${runId ?? ''}/history`,
        picture('agent-round'),
      );
      for (const words of [
        'agentObserve',
        'agentPropose',
        'agentValidate',
        'agentRepair',
        'agentCritic',
        'agentRecord',
      ])
        expect(round).toContain(words);
    } finally {
      await installation.must('down');
      await installation.destroy();
    }
  },
);

whenSshd(sshdAvailable() ? 'in the queue of a supercomputer' : 'skipped: needs sshd', async () => {
  const cluster = await SshCluster.start({}, { self: true });
  try {
    await run(cluster.installation, 'cluster');
    expect(cluster.pbs.jobs()).toHaveLength(8);
  } finally {
    await cluster.destroy();
  }
});

whenGlobus(
  'at an endpoint of Globus Compute' +
    (globusSdkAvailable() && brokerAvailable() ? '' : ' (skipped: needs its daemon and RabbitMQ)'),
  async () => {
    const service = await ComputeService.start({ broker: await Broker.shared() });
    const endpoint = await RealEndpoint.start(service, { engine: 'ThreadPoolEngine', workers: 2 });
    const client = service.auth.register('confidential', { identity: service.auth.user });
    process.env['GLOBUS_TEST_SECRET'] = client.secret ?? '';
    const far = {
      ...{ scheduler: 'globus_compute', endpoint_id: endpoint.id, auth_method: 'client_credentials' },
      ...{ client_id: client.id, client_secret_env: 'GLOBUS_TEST_SECRET', function_timeout: 120 },
      ...{ service_url: service.url, auth_url: service.url, working_dir: join(endpoint.folder, 'work') },
    };
    const installation = new Installation({ sites: { far } });
    try {
      await run(installation, 'far');
    } finally {
      await installation.destroy();
      await endpoint.stop();
      await service.stop();
    }
  },
);
