import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createOpensshTransport } from '../../src/transports/openssh';
import { createSsh2Transport } from '../../src/transports/ssh2';
import type { Transport } from '../../src/transports/transport';
import { closeMaster, openMaster } from './ssh-master';
import { SshServer, sshdAvailable } from './sshd';
import type { LoginShell } from './test-user';
import { transportSuite } from './transport-suite';

/** Runs the transport suite over a real sshd, as the user with this login shell. */
export function sshTransportSuite(kind: 'ssh2' | 'openssh', shell: LoginShell): void {
  const title = `${kind}, user ${shell}`;
  if (!sshdAvailable()) {
    describe.skip(`skipped: needs sshd (${title})`, () => {
      test('', () => undefined);
    });
    return;
  }
  describe(title, () => {
    let server: SshServer;
    let transport: Transport;
    let folder: string;
    let controlPath: string;
    beforeAll(async () => {
      folder = writableFolder();
      server = await SshServer.start({ mode: 'key', shell });
      if (kind === 'ssh2') {
        transport = createSsh2Transport({ ...server.address, identityFile: server.identityFile });
      } else {
        controlPath = join(server.folder, 'cm');
        await openMaster(server, controlPath);
        transport = createOpensshTransport({ host: `${server.user.name}@${server.host}`, controlPath });
      }
    });
    afterAll(async () => {
      await transport.close();
      if (kind === 'openssh') closeMaster(server, controlPath);
      await server.destroy();
      rmSync(folder, { recursive: true, force: true });
    });
    transportSuite(() => ({ transport, folder, signals: kind === 'ssh2', noisy: shell !== 'plain' }));
  });
}

/** A folder that every user may write. */
export function writableFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'perdure-transport-'));
  chmodSync(folder, 0o777);
  return folder;
}
