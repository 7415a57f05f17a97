import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import type { Installation } from '../installation';
import type { ComputeService } from './compute-service';

const perdure = resolve(__dirname, '..', '..', '..', 'bin', 'perdure');

/** Somebody types `perdure login SITE`, opens the page that it shows, and types the code. */
export async function typeLogin(
  installation: Installation,
  service: ComputeService,
  site: string,
): Promise<{ readonly code: number | null; readonly said: string; readonly page: string }> {
  const child = spawn(perdure, ['login', site], {
    env: installation.env,
    cwd: installation.folder,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let said = '';
  const ended = new Promise<number | null>((done, failed) => child.once('close', done).once('error', failed));
  const page = await new Promise<string>((found, failed) => {
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (part: Buffer) => {
        said += part.toString('utf8');
        const [, shown] = /^(http\S+)\n[^]*Code: /m.exec(said) ?? [];
        if (shown !== undefined) found(shown);
      });
    void ended.then((code) => {
      failed(new Error(`perdure login ended with ${String(code)}:\n${said}`));
    }, failed);
  });
  child.stdin.end(`${await service.auth.logIn(page)}\n`);
  return { code: await ended, said, page };
}
