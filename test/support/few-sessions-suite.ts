import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createOpensshTransport } from '../../src/transports/openssh';
import { createSsh2Transport } from '../../src/transports/ssh2';
import type { Transport } from '../../src/transports/transport';
import { requestOf } from './fake-job';
import { until } from './installation';
import { PbsBench } from './pbs-bench';
import { closeMaster, openMaster } from './ssh-master';
import { SshServer, sshdAvailable } from './sshd';

const whenSshd = sshdAvailable() ? test : test.skip;
const timeoutMs = 30_000;

/** A server that lets a connection have one command at a time. */
export function fewSessionsSuite(way: 'ssh2' | 'openssh'): void {
  describe(sshdAvailable() ? `by ${way}` : `skipped: needs sshd (${way})`, () => {
    let server: SshServer;
    let controlPath: string;
    let transport: Transport | undefined;
    beforeAll(async () => {
      if (!sshdAvailable()) return;
      server = await SshServer.start({ mode: 'key', self: true, settings: ['MaxSessions 1'] });
      controlPath = join(server.folder, 'master');
    });
    afterEach(async () => {
      await transport?.close();
      if (sshdAvailable()) closeMaster(server, controlPath);
      transport = undefined;
    });
    afterAll(async () => {
      if (sshdAvailable()) await server.destroy();
    });

    const open = async (): Promise<Transport> => {
      if (way === 'ssh2')
        return (transport = createSsh2Transport({ ...server.address, identityFile: server.identityFile }));
      await openMaster(server, controlPath);
      return (transport = createOpensshTransport({
        host: `${server.user.name}@${server.host}`,
        controlPath,
      }));
    };

    whenSshd('commands at the same moment run one after the other', async () => {
      const one = await open();
      const all = await Promise.all(
        [1, 2, 3, 4].map((i) => one.run(`echo ${String(i)}; sleep 0.3`, { timeoutMs })),
      );
      expect(all.map(({ stdout }) => Buffer.from(stdout).toString())).toEqual(['1\n', '2\n', '3\n', '4\n']);
    });

    whenSshd(
      'a command that goes on ends where another one needs its channel, and none begins again',
      async () => {
        const way_ = await open();
        const lines: string[] = [];
        const signal = new AbortController().signal;
        const talk = 'while echo line; do sleep 0.2; done';
        const stream = way_.stream(talk, { signal, onLine: (line) => lines.push(line) });
        const ended = expect(stream).rejects.toMatchObject({ kind: 'Unavailable' });
        await until('it runs', () => lines.length > 0);
        const { status } = await way_.run('exit 3', { timeoutMs });
        expect(status).toBe(3);
        await ended;
        await expect(way_.stream(talk, { signal, onLine: () => undefined })).rejects.toMatchObject({
          kind: 'Unavailable',
        });
        expect((await way_.run('exit 4', { timeoutMs })).status).toBe(4);
      },
    );

    whenSshd('trials run in a block', async () => {
      const folder = mkdtempSync(join(tmpdir(), 'perdure-few-'));
      chmodSync(folder, 0o777);
      const blocks = {
        slotsPerNode: 2,
        minBlocks: 0,
        maxBlocks: 1,
        idleTimeout: 60_000,
        pin: 'none',
      } as const;
      const bench = await PbsBench.start({ blocks, workingDir: join(folder, 'work') });
      try {
        const scheduler = bench.scheduler(await open());
        const job = { command: ['sh', '-c', 'sleep 3; echo 1 >"$PERDURE_RESULT"'] };
        await scheduler.submit(requestOf(job));
        expect(await bench.untilOver(scheduler, undefined, 90_000)).toMatchObject({
          end: { how: 'exited', status: 0 },
        });
      } finally {
        await bench.destroy();
        rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
      }
    });
  });
}
