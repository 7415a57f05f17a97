import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { holdServer } from './global-teardown';
import {
  bundleFile,
  bundleVariable,
  serverVariable,
  TestServer,
  testServerRuns,
  workflowsPath,
} from './test-server';

/** jest's global setup of the workflow tests: bundles the workflows and starts the test server once for all test files. */
export default async function setUp(): Promise<void> {
  if (!testServerRuns()) return;
  const server = await TestServer.start();
  holdServer(server);
  const { code } = await bundleWorkflowCode({ workflowsPath, logger: new DefaultLogger('ERROR') });
  mkdirSync(dirname(bundleFile), { recursive: true });
  writeFileSync(bundleFile, code);
  // jest's workers inherit this environment.
  process.env[bundleVariable] = bundleFile;
  process.env[serverVariable] = server.address;
}
