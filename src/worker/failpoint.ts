import { existsSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Moments at which a test can stop this process, to kill it or what it talks to. Where `PERDURE_FAILPOINTS` names a
 * directory and a file `NAME.arm` is in it, the process renames that to `NAME.hit`, writes its id there, and stands still
 * until `NAME.go` appears or it is killed. Without the variable a failpoint costs a comparison.
 */
export function createFailpoint(directory: string | undefined): (name: string) => void {
  if (directory === undefined || directory === '') return () => undefined;
  const pause = new Int32Array(new SharedArrayBuffer(4));
  return (name) => {
    const armed = join(directory, `${name}.arm`);
    if (!existsSync(armed)) return;
    const hit = join(directory, `${name}.hit`);
    renameSync(armed, hit);
    writeFileSync(hit, String(process.pid));
    while (!existsSync(join(directory, `${name}.go`))) Atomics.wait(pause, 0, 0, 10);
  };
}
