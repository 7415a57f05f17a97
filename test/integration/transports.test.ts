import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLocalTransport } from '../../src/transports/local';
import { createOpensshTransport } from '../../src/transports/openssh';
import { createSsh2Transport } from '../../src/transports/ssh2';
import type { Transport } from '../../src/transports/transport';
import { closeMaster, openMaster } from '../support/ssh-master';
import { SshServer, sshdAvailable } from '../support/sshd';
import type { LoginShell } from '../support/test-user';
import { transportSuite } from '../support/transport-suite';

const available = sshdAvailable();
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'perdure-transport-'));
  // The server's user is another one.
  chmodSync(folder, 0o777);
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Each transport gets a folder of its own. */
const folderFor = (name: string): string => {
  const own = mkdtempSync(join(folder, `${name}-`));
  chmodSync(own, 0o777);
  return own;
};

describe('local', () => {
  let transport: Transport;
  let own: string;
  beforeAll(() => {
    transport = createLocalTransport();
    own = folderFor('local');
  });
  transportSuite(() => ({ transport, folder: own, signals: true, noisy: false }));
});

const users: readonly LoginShell[] = ['plain', 'noisy', 'csh'];
describe.each(users)(available ? 'ssh2, user %s' : 'skipped: needs sshd (ssh2, user %s)', (shell) => {
  if (!available) {
    test.skip('', () => {});
    return;
  }
  let server: SshServer;
  let transport: Transport;
  let own: string;
  beforeAll(async () => {
    server = await SshServer.start({ mode: 'key', shell });
    transport = createSsh2Transport({ ...server.address, identityFile: server.identityFile });
    own = folderFor('ssh2');
  });
  afterAll(async () => {
    await transport.close();
    await server.destroy();
  });
  transportSuite(() => ({ transport, folder: own, signals: true, noisy: shell !== 'plain' }));
});

describe.each(users)(available ? 'openssh, user %s' : 'skipped: needs sshd (openssh, user %s)', (shell) => {
  if (!available) {
    test.skip('', () => {});
    return;
  }
  let server: SshServer;
  let transport: Transport;
  let own: string;
  let controlPath: string;
  beforeAll(async () => {
    server = await SshServer.start({ mode: 'key', shell });
    controlPath = join(server.folder, 'cm');
    await openMaster(server, controlPath);
    transport = createOpensshTransport({ host: `${server.user.name}@${server.host}`, controlPath });
    own = folderFor('openssh');
  });
  afterAll(async () => {
    await transport.close();
    closeMaster(server, controlPath);
    await server.destroy();
  });
  transportSuite(() => ({ transport, folder: own, signals: false, noisy: shell !== 'plain' }));
});
