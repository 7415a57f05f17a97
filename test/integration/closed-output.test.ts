import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { Installation } from '../support/installation';

/* What becomes of a command when nobody reads what it says, or there is no room for it. */

const bin = resolve(__dirname, '..', '..', 'bin', 'perdure');
const installation = new Installation();
afterAll(async () => {
  await installation.must('down');
  await installation.destroy();
});

const shell = (script: string): { status: number | null; stdout: string; stderr: string } =>
  spawnSync('sh', ['-c', script, 'sh', bin], {
    env: installation.env,
    cwd: installation.folder,
    encoding: 'utf8',
  });

test('a study starts, though its reader has gone after the first line', async () => {
  installation.write(
    'study.yaml',
    `name: unread
objective: {metric: loss, direction: minimize}
space: {x: {type: float, low: 0, high: 1}}
trial: {command: [sh, -c, 'echo 1 >"$PERDURE_RESULT"']}
budget: {trials: 1}
`,
  );
  const { stdout } = shell('"$1" start study.yaml 2>&1 | head -n 1');
  expect(stdout).toMatch(/^started the Temporal server/);
  expect(await installation.must('watch', 'unread')).toBe('');
  expect(JSON.parse(await installation.must('best', 'unread', '--json'))).toMatchObject({ values: [1] });
});

(existsSync('/dev/full') ? test : test.skip)('output that has no room is told in a line', () => {
  const { status, stderr } = shell('"$1" trials unread >/dev/full');
  expect([status, stderr]).toEqual([2, "standard output can't be written (ENOSPC)\n"]);
});
