import { execFile } from 'node:child_process';
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

function chromium(): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  return folders
    .flatMap((folder) => [join(folder, 'chromium'), join(folder, 'chromium-browser')])
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

export function browserAvailable(): boolean {
  return chromium() !== undefined;
}

/**
 * Opens a page in headless Chromium and gives what it shows once its scripts have run.
 * @param screenshot where to keep a picture of it
 */
export async function openPage(url: string, screenshot?: string): Promise<string> {
  const profile = mkdtempSync(join(tmpdir(), 'perdure-chromium-'));
  const flags = [
    ...['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-quic', '--disable-sync'],
    ...['--disable-background-networking', '--disable-component-update', '--disable-dev-shm-usage'],
    ...[`--user-data-dir=${profile}`, '--window-size=1400,1300', '--virtual-time-budget=15000'],
  ];
  const program = chromium() ?? 'chromium';
  try {
    if (screenshot !== undefined)
      await run(program, [...flags, `--screenshot=${screenshot}`, url], { timeout: 90_000 });
    const { stdout } = await run(program, [...flags, '--dump-dom', url], {
      maxBuffer: 1 << 26,
      timeout: 90_000,
    });
    return stdout;
  } finally {
    rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}
