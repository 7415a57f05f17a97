import { proxyActivities, setCurrentDetails } from '@temporalio/workflow';
import type { DiagnosisFinding, DiagnosisTest } from '../jobs/diagnosis';
import { plainLine } from '../study/plain-text';
import type { BatchActivities } from './activity-types';
import { runJobs } from './batch';
import type { BatchInput } from './batch-input';
import { boundary } from './retry';

/** The argument of the `diagnosis` workflow. */
export interface DiagnosisInput extends BatchInput {
  readonly test: DiagnosisTest;
}

/** Runs the jobs of a diagnosis, and tells what they found. It does not fail where a check does: it has done its work. */
export async function diagnosis(input: DiagnosisInput): Promise<readonly DiagnosisFinding[]> {
  const { firstEnd } = await runJobs(input, 'diagnosis');
  const { judgeDiagnosis } = proxyActivities<BatchActivities>({
    ...boundary,
    summary: 'what the jobs found',
  });
  const findings = await judgeDiagnosis(input.batch, input.test, firstEnd);
  setCurrentDetails(described(input, findings));
  return findings;
}

/** As a list: Temporal UI shows a table's columns without a gap between them. */
function described({ test, site }: DiagnosisInput, findings: readonly DiagnosisFinding[]): string {
  const counts = (['pass', 'warn', 'fail'] as const)
    .map((verdict) => ({ verdict, count: findings.filter((one) => one.verdict === verdict).length }))
    .filter(({ count }) => count > 0)
    .map(({ verdict, count }) => `${String(count)} ${verdict}`);
  return [
    `**${test} at ${site}: ${counts.join(', ')}**`,
    '',
    ...findings.flatMap(({ check, verdict, found, hint }) => [
      `- **${verdict}** ${plain(check)}: ${plain(found)}`,
      ...(hint === undefined ? [] : [`    - to do: ${plain(hint)}`]),
    ]),
  ].join('\n');
}

/** A site's words as one line that means nothing to Markdown. */
function plain(text: string): string {
  return plainLine(text, 400).replace(/[\\`*_<>[\]|]/g, '\\$&');
}
