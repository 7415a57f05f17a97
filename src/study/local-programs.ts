import type { LocalPrograms, MethodSpec, SamplerSpec, StudySpec, TrialSpec } from './spec';

/**
 * The trial with the paths of its programs that were found when it was started.
 * @param host that of the job; `null` where the job is not bound to a host. The paths hold at one host; elsewhere names stay names
 */
export function trialAt(
  { trial, programs }: Pick<StudySpec, 'trial' | 'programs'>,
  host: string | null,
): TrialSpec {
  if (programs?.host !== host) return trial;
  const { program, python } = trial;
  if (program.kind === 'function') return { ...trial, python: pathOf(programs.trial, python) };
  const [name = '', ...words] = program.argv;
  if (!Object.hasOwn(programs.trial, name)) return trial;
  // Braces are those of placeholders.
  const word = pathOf(programs.trial, name).replace(/[{}]/g, '$&$&');
  return { ...trial, program: { kind: 'command', argv: [word, ...words] } };
}

/** A sampler with the path of its Python that was found when the study was started. @param host that of the worker */
export function samplerAt(
  sampler: MethodSpec,
  programs: LocalPrograms | undefined,
  host: string,
): MethodSpec {
  if (sampler.type !== 'optuna' || programs?.host !== host) return sampler;
  return { ...sampler, python: pathOf(programs.sampler, sampler.python) };
}

/** The methods that propose in a study: its sampler, or its agents' backbone and those agents that are samplers. */
export function samplerMethods(sampler: SamplerSpec): readonly MethodSpec[] {
  if (sampler.type !== 'agent') return [sampler];
  return [
    sampler.backbone,
    ...sampler.agents.flatMap(({ by }) => (by.kind === 'sampler' ? [by.sampler] : [])),
  ];
}

function pathOf(paths: LocalPrograms['trial'], name: string): string {
  return (Object.hasOwn(paths, name) ? paths[name] : undefined) ?? name;
}
