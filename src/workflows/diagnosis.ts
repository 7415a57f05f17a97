import { proxyActivities, setCurrentDetails } from '@temporalio/workflow';
import type { DiagnosisFinding, DiagnosisTest } from '../jobs/diagnosis';
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
  setCurrentDetails(
    [
      `**${input.test} at ${input.site}**`,
      '',
      '| check | verdict | found | what to do |',
      '|---|---|---|---|',
      ...findings.map(
        ({ check, verdict, found, hint }) => `| ${check} | **${verdict}** | ${found} | ${hint ?? ''} |`,
      ),
    ].join('\n'),
  );
  return findings;
}
