import { join } from 'node:path';
import { openStudy } from '../../src/client/start-study';
import type { Session } from '../../src/client/session';
import type { StudyHandle } from '../../src/client/study-handle';
import { readStudy } from '../../src/config';
import { Installation } from './installation';
import { ScriptedModel, type Behaviour } from './scripted-model';

type Parts = Readonly<Record<string, unknown>>;

/** The key that workers of a bench have in their environment. */
export const benchKey = 'sk-secret-of-the-test';

/** An installation with studies that ask scripted models. */
export class AgentBench {
  readonly models: ScriptedModel[] = [];

  private constructor(
    readonly installation: Installation,
    readonly session: Session,
  ) {}

  static async start(options: ConstructorParameters<typeof Installation>[0] = {}): Promise<AgentBench> {
    // The worker inherits it from the command that starts it.
    process.env['AGENT_TEST_KEY'] = benchKey;
    const installation = new Installation(options);
    await installation.must('up');
    return new AgentBench(installation, await installation.session());
  }

  async stop(): Promise<void> {
    await this.session.close();
    for (const model of this.models) await model.stop();
    await this.installation.must('down');
    await this.installation.destroy();
  }

  async model(...script: readonly Behaviour[]): Promise<ScriptedModel> {
    const model = await ScriptedModel.start({
      propose: proposal,
      slowness: 3000,
      repeated: { x: 0.5, kind: 'linear' },
    });
    if (script.length > 0) model.script = [...script];
    this.models.push(model);
    return model;
  }

  /** Parts of a study whose trials wait until the gate is opened, so that it runs as long as a test looks at it. */
  gate(name: string): { readonly trial: Parts; readonly open: () => void } {
    const gate = join(this.installation.folder, `gate-${name}`);
    this.installation.write(
      'gated.sh',
      `while [ ! -e "$GATE" ]; do sleep 0.05; done\nprintf '{"loss": %s}' "$1" >"$PERDURE_RESULT"\n`,
    );
    return {
      trial: { command: ['sh', 'gated.sh', '{x}'], files: ['gated.sh'], env: { GATE: gate } },
      open: () => {
        this.installation.write(`gate-${name}`, '');
      },
    };
  }

  /** A study of short trials whose loss is `x`. */
  async study(
    name: string,
    model: ScriptedModel | null,
    sampler: Parts = {},
    changes: Parts = {},
  ): Promise<StudyHandle> {
    this.installation.write('agent-trial.sh', `printf '{"loss": %s}' "$1" >"$PERDURE_RESULT"\n`);
    const study = await readStudy(studyFile(name, model?.url ?? 'http://127.0.0.1:1/v1', sampler, changes), {
      where: 'test',
      directory: this.installation.folder,
    });
    return (await openStudy(this.session, study)).handle;
  }
}

/** The n-th good proposal for the space of {@link studyFile}; none comes twice. */
function proposal(n: number): Parts {
  const x = Number((0.501 + n / 1000).toFixed(6));
  return n % 2 === 0 ? { x, kind: 'linear' } : { x, kind: 'curved', bend: 1 + (n % 8) };
}

/** As a YAML file would have it. @param sampler the sampler's, and how long the model may take (`timeout`) */
export function studyFile(
  name: string,
  url: string,
  { timeout = '30s', ...sampler }: Parts = {},
  changes: Parts = {},
): Parts {
  return {
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
        ...{ provider: 'openai_compatible', base_url: url, name: 'scripted', api_key_env: 'AGENT_TEST_KEY' },
        ...{ retries: 1, timeout, price: { input: 1, output: 2 }, calls_per_minute: 1000 },
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
  };
}
