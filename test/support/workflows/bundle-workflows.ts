import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { bundleFile, bundleVariable, testServerRuns, workflowsPath } from './test-server';

/** jest's global setup of the workflow tests: bundles the workflows once for all test files. */
export default async function bundleWorkflows(): Promise<void> {
  if (!testServerRuns()) return;
  const { code } = await bundleWorkflowCode({ workflowsPath, logger: new DefaultLogger('ERROR') });
  mkdirSync(dirname(bundleFile), { recursive: true });
  writeFileSync(bundleFile, code);
  // jest's workers inherit this environment.
  process.env[bundleVariable] = bundleFile;
}
