import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Connection } from '@temporalio/client';
import { Session } from '../../src/client/session';
import { loadSettings } from '../../src/config';
import { ensureServer, stopServer } from '../../src/server/embedded-server';
import { homeFiles } from '../../src/server/home';
import { findTemporal } from '../../src/server/temporal-program';
import { until } from '../support/installation';
import { noteDeadServer } from '../support/dead-server';

const folder = mkdtempSync(join(tmpdir(), 'perdure-server-'));
const [slow, quick, later] = [join(folder, 'slow'), join(folder, 'quick'), join(folder, 'later')];
// Signs that mean something in the address of a file.
const odd = ['a#1', 'a#2', 'a?mode=memory', '100%20'].map((name) => join(folder, name));
const path = process.env['PATH'] ?? '';
afterAll(async () => {
  process.env['PATH'] = path;
  for (const home of [slow, quick, later, ...odd]) await stopServer(home);
  rmSync(folder, { recursive: true, force: true });
});

/** A `temporal` that waits for the file `go` before it begins. */
function slowProgram(): string {
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  const program = join(bin, 'temporal');
  const real = findTemporal(slow);
  writeFileSync(
    program,
    `#!/bin/sh\nwhile [ ! -e '${folder}/go' ]; do sleep 0.1; done\nexec '${String(real)}' "$@"\n`,
  );
  chmodSync(program, 0o755);
  return bin;
}

test('a server whose port another one took at its start is not taken for that one', async () => {
  // Both had that port before.
  const address = await noteDeadServer(slow, quick);
  process.env['PATH'] = `${slowProgram()}${delimiter}${path}`;
  let settled = false;
  const late = ensureServer(slow).finally(() => {
    settled = true;
  });
  await until('its process is there', () =>
    Promise.resolve(!readFileSync(homeFiles(slow).server, 'utf8').includes('999999999')),
  );
  process.env['PATH'] = path;
  const taken = await ensureServer(quick);
  expect(taken.address).toBe(address);
  // Time enough for some questions whether it is ready.
  await sleep(500);
  expect(settled).toBe(false);
  writeFileSync(join(folder, 'go'), '');
  const own = await late;
  expect(own.address).not.toBe(taken.address);
  expect(await clusterOf(own.address)).not.toBe(await clusterOf(taken.address));
  expect(existsSync(homeFiles(slow).temporalDb)).toBe(true);
});

test('a session that is there before its server finds it later', async () => {
  const settings = await loadSettings({ cwd: folder, env: { HOME: folder, PERDURE_HOME: later } });
  const session = await Session.open({ settings });
  try {
    await expect(session.client()).rejects.toMatchObject({ kind: 'Unavailable' });
    await ensureServer(later);
    const both = await Promise.all([session.client(), session.client()]);
    expect(both[0]).toBe(both[1]);
    expect(await (await session.client()).workflowService.getClusterInfo({})).toHaveProperty('clusterId');
  } finally {
    await session.close();
  }
});

test('a state directory may have any name', async () => {
  const clusters = new Set<string>();
  for (const home of odd) {
    const before = await clusterOf((await ensureServer(home)).address);
    clusters.add(before);
    expect(existsSync(homeFiles(home).temporalDb)).toBe(true);
    await stopServer(home);
    // What was there is found again.
    expect(await clusterOf((await ensureServer(home)).address)).toBe(before);
    await stopServer(home);
  }
  expect(clusters.size).toBe(odd.length);
});

async function clusterOf(address: string): Promise<string> {
  const connection = await Connection.connect({ address });
  try {
    return (await connection.workflowService.getClusterInfo({})).clusterId;
  } finally {
    await connection.close();
  }
}
