import { sshTransportSuite } from '../support/ssh-transport-suite';

/* The combinations of transport and login shell that test/integration leaves out. */

for (const shell of ['plain', 'csh'] as const) sshTransportSuite('ssh2', shell);
for (const shell of ['noisy', 'csh'] as const) sshTransportSuite('openssh', shell);
