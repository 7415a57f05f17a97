import { readFileSync, writeFileSync } from 'node:fs';
import { isGroupAlive } from '../../src/process/process-group';
import { FakeBlock, pathOf } from '../support/fake-block';
import { until } from '../support/installation';

let block: FakeBlock;
beforeEach(() => {
  block = new FakeBlock();
});
afterEach(() => block.destroy());

/** Runs until the file `go` is in the working directory. */
const waits = 'touch here; while [ ! -e ../../../go ]; do sleep 0.05; done\n';
const go = (): void => {
  writeFileSync(block.path('go'), '');
};

/**
 * Stand-ins that know what the real ones do: mpiexec starts so many ranks with their number and passes their worst exit
 * status on; pbsdsh starts a program with no environment, far from its own output, passes TERM on and tells no exit status.
 */
const launchers = {
  mpiexec: `
    [ "$1" = --help ] && exit 0
    echo "$*" >>'LOG'
    count=$2 file=
    while [ $# -gt 0 ]; do
      case $1 in --hostfile) file=$2; shift ;; -n | -ppn) shift ;; *) break ;; esac
      shift
    done
    for rank in $(seq "$count"); do PALS_RANKID=$((rank - 1)) "$@" & ranks="$ranks $!"; done
    worst=0
    for rank in $ranks; do wait $rank || worst=$?; done
    exit $worst`,
  pbsdsh: `
    echo "$*" >>'LOG'
    shift 3
    env -i PATH=/usr/bin:/bin setsid -w "$@" >/dev/null 2>&1 & far=$!
    trap 'pkill -TERM -P $far' TERM
    wait $far; wait $far
    exit 0`,
};

const install = (name: keyof typeof launchers): void => {
  block.program(name, launchers[name].replaceAll('LOG', block.path('launched')));
};
const launched = (): readonly string[] => readFileSync(block.path('launched'), 'utf8').trim().split('\n');
const output = (name: string): string => readFileSync(block.path(pathOf(name), 'output.log'), 'utf8');

/** Three nodes, of which PBS names each twice. */
const hosts = ['n1', 'n1', 'n2', 'n2', 'n3', 'n3'];

describe.each(['mpiexec', 'pbsdsh'] as const)('trials on other nodes, by %s', (launcher) => {
  beforeEach(() => {
    install(launcher);
  });

  test('have their slot, their devices and the whole environment, and their exit status counts', async () => {
    const hostile = `it's "$(touch no)" \`x\`\nnext é`;
    const say =
      'echo "$PERDURE_NODE $PERDURE_SLOT $CUDA_VISIBLE_DEVICES"; printf %s "$ODD"; pwd; touch here; ';
    const names = Array.from({ length: 6 }, (_, number) =>
      block.add(number, `${say}${waits}exit ${String(number)}`),
    );
    const env = { ODD: hostile, CUDA_VISIBLE_DEVICES: 'GPU-a,GPU-b' };
    block.start('b1', { hosts, slots: 2, pin: 'cuda', env, launcher: 'auto' });
    for (const name of names) await block.isThere(name, 'here');
    expect(names.map((name) => output(name)).sort()).toEqual(
      ['n1 0 GPU-a', 'n1 1 GPU-b', 'n2 0 GPU-a', 'n2 1 GPU-b', 'n3 0 GPU-a', 'n3 1 GPU-b'].map(
        (words, number) => `${words}\n${hostile}${block.path('ab12', String(number), 'a1')}\n`,
      ),
    );
    go();
    for (const name of names) await block.isOver(name);
    expect(names.map((name) => block.read(name, 'status'))).toEqual(
      names.map((_, number) => `${String(number)}\n`),
    );
    expect(
      launched()
        .map((line) => line.split(' ').slice(0, 2).join(' '))
        .sort(),
    ).toEqual(launcher === 'mpiexec' ? ['-n 1', '-n 1', '-n 1', '-n 1'] : ['-n 2', '-n 2', '-n 4', '-n 4']);
  });

  test.each([
    ['waits', waits],
    ['does not listen', "trap '' TERM; touch here; while :; do sleep 0.1; done"],
  ])('end when they are asked to stop, also one that %s', async (_, script) => {
    block.add(0, waits);
    const name = block.add(1, `echo $$ >far; ${script}`);
    block.start('b1', { hosts: ['n1', 'n2'], launcher: 'auto' });
    await block.isThere(name, 'here');
    const far = Number(readFileSync(block.path(pathOf(name), 'far'), 'utf8'));
    block.stop(name);
    await block.isOver(name);
    expect(block.read(name, 'status')).toMatch(/^\d+ stopped/);
    expect(isGroupAlive(block.group(name)!)).toBe(false);
    await until('the program on the other node has ended', () => !isThere(far));
  });

  test('end when the pilot is killed', async () => {
    block.add(0, waits);
    const name = block.add(1, `trap '' TERM; echo $$ >far; ${waits}`);
    const pilot = block.start('b1', { hosts: ['n1', 'n2'], launcher: 'auto' });
    await block.isThere(name, 'here');
    const far = Number(readFileSync(block.path(pathOf(name), 'far'), 'utf8'));
    pilot.kill('SIGKILL');
    await block.isOver(name);
    expect(block.read(name, 'unfinished')).toBe('killed over\n');
    await until('the program on the other node has ended', () => !isThere(far));
  });
});

test('a trial with ranks has whole nodes, and waits until they are free', async () => {
  install('mpiexec');
  const small = block.add(0, waits);
  const say = 'echo "$PALS_RANKID ${CUDA_VISIBLE_DEVICES-none} $(tr "\\n" " " <$PERDURE_HOSTFILE)"';
  const ranks = block.add(1, say, { nodes: 2, ranks_per_node: 2 });
  const next = block.add(2, 'true', { nodes: 3 });
  const large = block.add(3, 'true', { nodes: 4 });
  block.start('b1', { hosts, slots: 2, pin: 'cuda', idle: 0 });
  await block.isThere(small, 'here');
  await block.isOver(ranks);
  expect(
    output(ranks)
      .split(/ *\n/)
      .filter((line) => line !== '')
      .sort(),
  ).toEqual([0, 1, 2, 3].map((rank) => `${String(rank)} none n2 n3`));
  expect(launched()).toEqual([
    `-n 4 -ppn 2 --hostfile ${block.own(ranks, 'hostfile')} /bin/sh ${block.own(ranks, 'launch.sh')}`,
  ]);
  expect([next, large].map((name) => block.isReady(name))).toEqual([true, true]);
  go();
  await block.isOver(next);
  expect(block.read(next, 'hostfile')).toBe('n1\nn2\nn3\n');
  expect(block.isReady(large)).toBe(true);
});

function isThere(pid: number): boolean {
  try {
    return !readFileSync(`/proc/${String(pid)}/stat`, 'latin1').includes(') Z ');
  } catch {
    return false;
  }
}
