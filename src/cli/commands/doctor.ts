import type { Command } from 'commander';
import { examine } from '../examine';
import type { Finding } from '../finding';
import { exitCode, print } from '../terminal';
import { settingsOf } from '../with-session';

export function addDoctor(root: Command): void {
  root
    .command('doctor')
    .description('look at everything a study needs, and register search attributes where they are missing')
    .action(async (_options: object, command: Command) => {
      const findings: Finding[] = [];
      for await (const finding of examine(await settingsOf(command))) {
        findings.push(finding);
        print(`${finding.ok ? 'ok  ' : 'FAIL'}  ${finding.what}: ${finding.found}`);
        if (finding.hint !== undefined) print(`        ${finding.hint}`);
      }
      if (findings.some(({ ok, temporal }) => !ok && temporal === true))
        process.exitCode = exitCode.unreachable;
      else if (findings.some(({ ok }) => !ok)) process.exitCode = exitCode.studyFailed;
    });
}
