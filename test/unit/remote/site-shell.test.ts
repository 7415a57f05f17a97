import { SiteShell, usualShellPatience } from '../../../src/schedulers/remote/site-shell';
import type { RunOptions } from '../../../src/transports/transport';
import { ScriptedSite } from '../../support/scripted-site';

test('a request ends within minutes, however many calls it gathers', async () => {
  const site = new ScriptedSite(() => ({}));
  const limits: number[] = [];
  const transport = {
    ...site.transport,
    run: (command: string, options: RunOptions) => {
      limits.push(options.timeoutMs);
      return site.transport.run(command, options);
    },
  };
  const shell = new SiteShell(transport, { name: 'cluster', workingDir: '/work', pbsBin: '/bin' });
  const call = { lines: (number: string) => `submit ${number}`, timeoutMs: 20_000, commands: 4 };
  await shell.callAll([call]);
  await shell.callAll(Array.from({ length: 200 }, () => call));
  const { connection, command } = usualShellPatience;
  expect(limits).toEqual([connection + 20_000 + 4 * (command + 6) * 1000, connection + 600_000]);
});
