import { rmSync } from 'node:fs';
import { createLocalTransport } from '../../src/transports/local';
import type { Transport } from '../../src/transports/transport';
import { sshTransportSuite, writableFolder } from '../support/ssh-transport-suite';
import { transportSuite } from '../support/transport-suite';

/* Each transport once. test/slow has the other users. */

describe('local', () => {
  let transport: Transport;
  let folder: string;
  beforeAll(() => {
    transport = createLocalTransport();
    folder = writableFolder();
  });
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  transportSuite(() => ({ transport, folder, signals: true, noisy: false }));
});

sshTransportSuite('ssh2', 'noisy');
sshTransportSuite('openssh', 'plain');
