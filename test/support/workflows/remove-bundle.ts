import { rmSync } from 'node:fs';
import { bundleFile } from './test-server';

/** jest's global teardown of the workflow tests. */
export default function removeBundle(): void {
  rmSync(bundleFile, { force: true });
}
