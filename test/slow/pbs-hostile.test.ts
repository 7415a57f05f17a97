import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { stringify } from 'yaml';
import { SshCluster } from '../support/ssh-cluster';
import { sshdAvailable } from '../support/sshd';

/* What a person may write anywhere in a study, or in a site's paths, is never run by a shell on its way to a trial and back. */

const whenSshd = sshdAvailable() ? test.each : test.skip.each;
const title = (text: string): string => (sshdAvailable() ? text : `skipped: needs sshd (${text})`);

let cluster: SshCluster;
afterEach(() => cluster.destroy());

/** Words that leave a file behind where a shell reads them. @param lines whether there may be several of them */
function hostile(name: string, lines = true): string {
  const canary = join(cluster.folder, `canary-${name}`);
  const end = lines ? `\n'; touch '${canary}-3` : '';
  return `-n '"$(touch '${canary}-1')\`touch '${canary}-2'\` \\ %s !! ü 😀 && | > *${end}`;
}

interface TrialJson {
  readonly state: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly values: readonly number[] | null;
  readonly user_attrs: Readonly<Record<string, unknown>>;
}

const script = `import json, os, sys
files = sorted(os.path.join(d, f)[2:] for d, _, names in os.walk('.') for f in names if not d.startswith('./.'))
params = json.load(open(os.environ['PERDURE_PARAMS']))
seen = {'argv': sys.argv[1:], 'params': params, 'odd': os.environ['ODD'], 'files': files}
json.dump(seen, open('seen.json', 'w'))
json.dump({'value': 1}, open(os.environ['PERDURE_RESULT'], 'w'))
print(json.dumps(sys.argv[1], ensure_ascii=False))
`;

/** Names of the files below a folder that a shell would have left. */
function canaries(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) =>
    basename(path).startsWith('canary'),
  );
}

whenSshd([
  ['in jobs of their own', {}],
  ['in a block', { blocks: { slots_per_node: 2, max_blocks: 1, idle_timeout: '5s' } }],
])(title('words that a shell would run reach trials over ssh as they are, %s'), async (_, site) => {
  cluster = await SshCluster.start(site, {
    self: true,
    workingDir: `wo rk '"$(touch canary)\`touch canary\` ü`,
  });
  const { installation } = cluster;
  const name = hostile('name');
  const param = hostile('param');
  const choices = [hostile('choice'), '--help', '$HOME', "'", '"', '\\', 'a\nb', '{x}', ''];
  const file = `-rf $(touch canary)'"\`touch canary\` ü.txt`;
  installation.write(file, hostile('content'));
  installation.write('trial.py', script);
  const study = installation.write(
    'study.yaml',
    stringify({
      name,
      objective: { metric: 'value', direction: 'maximize' },
      space: { [param]: { type: 'categorical', choices } },
      sampler: { type: 'grid' },
      trial: {
        command: ['python3', 'trial.py', `{${param}}`, hostile('word')],
        files: ['trial.py', file],
        env: { ODD: hostile('env') },
      },
      budget: { trials: choices.length, parallel: 2 },
      sites: ['cluster'],
    }),
  );
  await installation.must('run', study);
  const trials = JSON.parse(await installation.must('trials', '--json', '--', name)) as readonly TrialJson[];
  expect(trials.map(({ state }) => state)).toEqual(choices.map(() => 'COMPLETE'));
  expect(new Set(trials.map(({ params }) => params[param]))).toEqual(new Set(choices));
  for (const { params, user_attrs: attrs } of trials) {
    const seen = readFileSync(join(String(attrs['directory']), 'seen.json'), 'utf8');
    expect(JSON.parse(seen)).toEqual({
      argv: [params[param], hostile('word')],
      params,
      odd: hostile('env'),
      files: [file, 'output.log', 'trial.py'],
    });
  }
  const [first] = trials;
  expect(await installation.must('logs', '--', name, '0')).toBe(`${JSON.stringify(first?.params[param])}\n`);
  expect(await installation.must('status', '--', name)).toContain('9 complete');
  for (const folder of [cluster.folder, cluster.ssh.folder, installation.folder])
    expect(canaries(folder)).toEqual([]);
});
