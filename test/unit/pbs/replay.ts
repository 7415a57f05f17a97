import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PbsStandIn } from '../../support/pbs-stand-in';
import type { PbsOptions } from '../../support/pbs-settings';
import { recordedScripts, recordedSite } from './recorded-site';

/** What a command printed, and how it ended. */
export interface Said {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A stand-in of the recorded server, with a home in which its scripts are and its jobs run. */
export class Replay {
  private constructor(
    readonly standIn: PbsStandIn,
    readonly home: string,
  ) {}

  static async start(options: PbsOptions = {}): Promise<Replay> {
    const home = mkdtempSync(join(tmpdir(), 'perdure-pbs-home-'));
    chmodSync(home, 0o755);
    for (const [name, lines] of Object.entries(recordedScripts))
      writeFileSync(join(home, name), `${lines.join('\n')}\n`);
    mkdirSync(join(home, 'rel'));
    return new Replay(await PbsStandIn.start({ ...recordedSite, ...options, home }), home);
  }

  /** Runs a command line. `uid`: as that user, where this one may. */
  run(command: string, { uid }: { readonly uid?: number } = {}): Said {
    const { status, stdout, stderr } = spawnSync('/bin/bash', ['-c', command], {
      cwd: this.home,
      env: {
        HOME: this.home,
        LANG: 'C.UTF-8',
        LOGNAME: 'pbsuser',
        PATH: `${this.standIn.bin}:/usr/bin:/bin`,
        SHELL: '/bin/bash',
      },
      encoding: 'utf8',
      timeout: 60_000,
      ...(uid !== undefined && process.getuid?.() === 0 ? { uid } : {}),
    });
    return { status, stdout, stderr };
  }

  /** As {@link run}, for a submission that has to be taken. @returns the id */
  submit(command: string): string {
    const { status, stdout, stderr } = this.run(command);
    if (status !== 0) throw new Error(`${command} ended with ${String(status)}: ${stderr}`);
    return stdout.trim();
  }

  /**
   * Without what can't be the same again: the hour at which it was asked and the folder. `made`: the job is of this replay,
   * so its number, its times and what it used are its own.
   */
  comparable({ status, stdout, stderr }: Said, { made = false }: { readonly made?: boolean } = {}): Said {
    const same = (text: string): string => {
      const asked = text.replaceAll(this.home, '/home/pbsuser').replace(/("timestamp":\t?)\d+/, '$1NOW');
      return made ? withoutOwn(asked) : asked;
    };
    return { status, stdout: same(stdout), stderr: same(stderr) };
  }

  async destroy(): Promise<void> {
    await this.standIn.destroy();
    rmSync(this.home, { recursive: true, force: true });
  }
}

function withoutOwn(text: string): string {
  return (
    text
      .replaceAll(/\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}/g, 'DATE')
      .replaceAll(/\w{3} \w{3} [ \d]\d at \d\d:\d\d/g, 'DATE')
      .replaceAll(/\b\d+(\[\])?\.pbsci\b/g, 'ID$1.pbsci')
      .replaceAll(/\.([oe])\d+"/g, '.$1ID"')
      .replaceAll(/("PBS_O_PATH":\s*)"[^"]*"/g, '$1"PATH"')
      .replaceAll(/("(?:mem|vmem|exec_host)":\s*)"[^"]*"/g, '$1"OWN"')
      .replaceAll(/("resources_used":[^}]*"walltime":\s*)"[^"]*"/g, '$1"OWN"')
      .replaceAll(/("history_timestamp":\s*)\d+/g, '$1NOW')
      // A job that ends at once may end before anybody has asked for its session.
      .replaceAll(/\s*"session_id":\s*\d+,/g, '')
  );
}
