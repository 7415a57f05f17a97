import { chmodSync, existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Installation } from './installation';
import { testPython } from './optuna';

/** A sampler of Optuna's that, while it is closed, keeps whoever asks it for a proposal waiting. */
export class GatedSampler {
  private readonly gate: string;
  /** As `sampler:` of a study file. */
  readonly spec: Readonly<Record<string, string>>;

  constructor(installation: Installation, name: string) {
    this.gate = join(installation.folder, `gate-${name}`);
    const module = `gated_${name.replaceAll('-', '_')}`;
    const code = [
      'import os, time, optuna',
      'class Gated(optuna.samplers.RandomSampler):',
      '    def infer_relative_search_space(self, study, trial):',
      `        if os.path.exists(${JSON.stringify(`${this.gate}.closed`)}):`,
      `            open(${JSON.stringify(`${this.gate}.asked`)}, "w").close()`,
      `            while os.path.exists(${JSON.stringify(`${this.gate}.closed`)}): time.sleep(0.05)`,
      '        return super().infer_relative_search_space(study, trial)',
    ];
    installation.write(`${module}.py`, code.join('\n'));
    const python = installation.write(
      `${module}-python`,
      `#!/bin/sh\nPYTHONPATH='${installation.folder}' exec '${testPython}' "$@"\n`,
    );
    chmodSync(python, 0o755);
    this.spec = { type: 'optuna', sampler: `${module}:Gated`, python };
  }

  close(): void {
    writeFileSync(`${this.gate}.closed`, '');
  }

  /** Whether somebody waits, or has waited. */
  get asked(): boolean {
    return existsSync(`${this.gate}.asked`);
  }

  open(): void {
    rmSync(`${this.gate}.closed`, { force: true });
  }
}
