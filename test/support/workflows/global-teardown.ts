import { rmSync } from 'node:fs';
import { bundleFile, type TestServer } from './test-server';

const held = globalThis as { workflowTestServer?: TestServer };

/** Keeps the server for the teardown. jest loads setup and teardown in one process, but as separate modules. */
export function holdServer(server: TestServer): void {
  held.workflowTestServer = server;
}

/** jest's global teardown of the workflow tests. */
export default async function tearDown(): Promise<void> {
  await held.workflowTestServer?.stop();
  rmSync(bundleFile, { force: true });
}
