import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';

/** Debian's Python, whose PyTorch is for the CPU alone. */
export const torchPython = '/usr/bin/python3';
const packages = '/usr/lib/python3/dist-packages';

/** `true` where that PyTorch is installed. */
export function torchAvailable(): boolean {
  try {
    execFileSync(torchPython, ['-c', 'import torch'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/**
 * Makes a folder for PYTHONPATH that has this PyTorch and NumPy and nothing else of Debian's, whose other packages are too old for
 * Globus' daemon. Its Python has to have Debian's minor version.
 */
export function torchFolder(folder: string): string {
  mkdirSync(folder);
  for (const name of ['torch', 'torchgen', 'functorch', 'numpy'])
    if (existsSync(join(packages, name))) symlinkSync(join(packages, name), join(folder, name));
  return folder;
}
