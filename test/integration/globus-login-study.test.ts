import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StudyStatus } from '../../src/client/study-status';
import { Broker, brokerAvailable } from '../support/globus/broker';
import { ComputeService } from '../support/globus/compute-service';
import { PythonWorkers } from '../support/globus/python-worker';
import { typeLogin } from '../support/globus/type-login';
import { Installation, until } from '../support/installation';

/* A study at an endpoint that somebody has to log in to: nothing fails, and what was given at the login is nowhere. */

let service: ComputeService;
let installation: Installation;

beforeAll(async () => {
  service = await ComputeService.start({ broker: await Broker.shared() });
  // Each with an application, and so with a login, of its own.
  const site = (): object => ({
    scheduler: 'globus_compute',
    endpoint_id: service.addEndpoint(new PythonWorkers(2).run),
    client_id: service.auth.register('native').id,
    service_url: service.url,
    auth_url: service.url,
  });
  installation = new Installation({ sites: { far: site(), near: site() } });
});

afterAll(async () => {
  await installation.must('down');
  await installation.destroy();
  await service.stop();
});

async function status(): Promise<
  StudyStatus & { readonly login_required: Readonly<Record<string, string>> }
> {
  return JSON.parse(await installation.must('status', 'patient', '--json')) as Awaited<
    ReturnType<typeof status>
  >;
}

const loginFor = async (): Promise<string | undefined> => (await status()).login_required['far'];

const whenBroker = brokerAvailable() ? test : test.skip;
const title = (what: string): string =>
  brokerAvailable() ? what : `skipped: needs rabbitmq-server (${what})`;

whenBroker(title('a study waits for logins, goes on after each, and leaves no token anywhere'), async () => {
  const go = join(installation.folder, 'go');
  const study = {
    name: 'patient',
    objective: { metric: 'y', direction: 'minimize' },
    space: { x: { type: 'float', low: 0, high: 1 } },
    // The first ends at once, the others when they may.
    trial: {
      command: [
        'sh',
        '-c',
        `[ "$PERDURE_TRIAL_NUMBER" = 0 ] || until [ -e ${go} ]; do sleep 0.1; done; echo "$PERDURE_PARAM_x" > "$PERDURE_RESULT"`,
      ],
    },
    budget: { trials: 5, parallel: 2 },
    sites: ['far'],
  };
  await installation.must('start', installation.write('patient.yaml', JSON.stringify(study)));
  await until('the study says that a login is needed', async () => (await loginFor()) !== undefined);
  expect(await loginFor()).toContain('perdure login far');
  expect((await status()).trials).toMatchObject({ failed: 0, complete: 0 });

  expect(await typeLogin(installation, service, 'far')).toMatchObject({ code: 0 });
  await until('trials are done', async () => (await status()).trials.complete > 0);
  expect(await loginFor()).toBeUndefined();

  // Now the endpoint wants a login of its own domain.
  service.requiredSession = { session_required_single_domain: ['anl.gov'] };
  installation.write('go', '');
  await until('a login is needed again', async () => (await loginFor()) !== undefined);
  const { code, page } = await typeLogin(installation, service, 'far');
  expect(code).toBe(0);
  expect(new URL(page).searchParams.get('session_required_single_domain')).toBe('anl.gov');

  await until('the study is complete', async () => (await status()).state === 'complete', 120_000);
  expect((await status()).trials).toMatchObject({ complete: 5, failed: 0 });

  const { secrets } = service.auth;
  expect(secrets.length).toBeGreaterThan(5);
  const kept = globSync('**/*', { cwd: installation.folder, withFileTypes: true })
    .filter((entry) => entry.isFile() && !/globus\/[^/]*\.json$/.test(join(entry.parentPath, entry.name)))
    .map((entry) => join(entry.parentPath, entry.name));
  expect(kept).toEqual(
    expect.arrayContaining([
      expect.stringMatching(/temporal\.db$/),
      expect.stringMatching(/worker\.log$/),
      expect.stringMatching(/ledger\.db$/),
    ]),
  );
  for (const file of kept) {
    const bytes = readFileSync(file);
    for (const secret of secrets) expect(`${file}: ${String(bytes.includes(secret))}`).toBe(`${file}: false`);
  }
  for (const process of globSync('/proc/[0-9]*/cmdline')) {
    const words = cmdline(process);
    for (const secret of secrets) expect(words.includes(secret)).toBe(false);
  }
});

/** Empty for a process that has ended meanwhile. */
function cmdline(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

whenBroker(
  title('who waits for a job or a diagnosis is told at once that a login is needed, and it goes on after it'),
  async () => {
    service.requiredSession = null;
    const interruptAt = /perdure login near/;
    const submit = ['job', 'submit', 'near', '--command', 'true', '--id', 'waiting', '--wait'];
    const left = await installation.perdure(...submit, { interruptAt });
    expect(left.stderr).toMatch(/site 'near' waits for your login: .+\n.*perdure login near/);
    expect(left.stderr).toContain("'waiting' goes on without you");
    const diagnosis = await installation.perdure('diagnose', 'near', { interruptAt });
    expect(diagnosis.stderr).toContain("site 'near' waits for your login");

    await typeLogin(installation, service, 'near');
    const result = await installation.perdure('job', 'result', 'waiting', '--wait', '--json');
    expect(JSON.parse(result.stdout)).toMatchObject({ state: 'COMPLETE' });
  },
);
