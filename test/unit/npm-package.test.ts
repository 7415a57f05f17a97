import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

/* What `npm pack` takes from a work tree in which the set-up and studies have run. */

const root = resolve(__dirname, '..', '..');
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perdure-pack-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

function write(path: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), '');
}

test('nothing that the set-up or a study made is packed', () => {
  copyFileSync(join(root, 'package.json'), join(folder, 'package.json'));
  const kept = ['config/studies/digits.yaml', 'dist/index.js', 'examples/resnet18.py', 'trial/wrapper.sh'];
  const made = [
    'config/studies/.venv/lib/python3/site-packages/numpy/core.py',
    'config/studies/.perdure/pid',
    'examples/.venv/pyvenv.cfg',
    'examples/__pycache__/resnet18.cpython-312.pyc',
    'examples/resnet18.pyc',
    'examples/study.log',
    'trial/__pycache__/perdure_trial.cpython-312.pyc',
  ];
  for (const path of [...kept, ...made]) write(path);
  const packed = JSON.parse(
    execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
      cwd: folder,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }),
  ) as readonly [{ readonly files: readonly { readonly path: string }[] }];
  expect(packed[0].files.map(({ path }) => path).sort()).toEqual([...kept, 'package.json'].sort());
});
