import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';

const program = `
import json, sys
sys.path.insert(0, sys.argv[1])
sys.dont_write_bytecode = True
import perdure_pilot_pins as pilot
asked = json.loads(sys.argv[2])
pins = pilot.Pins(asked["pin"], asked["slots"], asked["environment"], asked["cpus"], asked["devices"])
# Two threads a core, the second ones far from the first, as Linux counts them.
half = len(asked["cpus"]) // 2
if asked["threads"] == 2:
    pins.cores = [[cpu, cpu + half] for cpu in asked["cpus"][:half]]
found = [pins.of(first, count) for first, count in asked["places"]]
print(json.dumps([[environment, cpus and sorted(cpus)] for environment, cpus in found]))
`;

type Pin = readonly [Record<string, string>, readonly number[] | null];

/** What slots of a node get, as the pilot computes it. */
function pinsOf(
  pin: string,
  slots: number,
  places: readonly (readonly [number, number])[],
  given: {
    readonly environment?: Record<string, string>;
    readonly cpus?: number;
    readonly devices?: readonly string[];
    readonly threads?: 1 | 2;
  } = {},
): readonly Pin[] {
  const { environment = {}, cpus = 0, devices = [], threads = 1 } = given;
  const asked = { pin, slots, places, environment, devices, threads, cpus: [...Array(cpus).keys()] };
  const trial = resolve(__dirname, '..', '..', 'trial');
  return JSON.parse(
    execFileSync('python3', ['-c', program, trial, JSON.stringify(asked)], { encoding: 'utf8' }),
  ) as readonly Pin[];
}

const each = (slots: number): readonly (readonly [number, number])[] =>
  Array.from({ length: slots }, (_, slot) => [slot, 1]);
const masks = (pins: readonly Pin[]): readonly (string | undefined)[] =>
  pins.map(([environment]) => environment['ZE_AFFINITY_MASK']);

describe("Aurora's tiles", () => {
  const flat = { ZE_FLAT_DEVICE_HIERARCHY: 'FLAT' };

  test.each<[string, number, readonly string[]]>([
    ['a tile each', 12, ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '10', '11']],
    ['a GPU each', 6, ['0,1', '2,3', '4,5', '6,7', '8,9', '10,11']],
    ['two GPUs each', 3, ['0,1,2,3', '4,5,6,7', '8,9,10,11']],
    ['shares that differ by one', 5, ['0,1', '2,3', '4,5,6', '7,8', '9,10,11']],
    ['the whole node', 1, ['0,1,2,3,4,5,6,7,8,9,10,11']],
  ])('are numbered through where the hierarchy is flat: %s', (_, slots, expected) => {
    expect(masks(pinsOf('aurora_tiles', slots, each(slots), { environment: flat }))).toEqual(expected);
  });

  test.each<[string, number, readonly string[]]>([
    ['a tile each', 12, ['0.0', '0.1', '1.0', '1.1', '2.0', '2.1', '3.0', '3.1', '4.0', '4.1', '5.0', '5.1']],
    ['a GPU each', 6, ['0', '1', '2', '3', '4', '5']],
    ['a GPU and a half', 4, ['0,1.0', '1.1,2', '3,4.0', '4.1,5']],
  ])('belong to a GPU where it is composite, or nothing says so: %s', (_, slots, expected) => {
    for (const environment of [{}, { ZE_FLAT_DEVICE_HIERARCHY: 'COMPOSITE' }] as readonly Record<
      string,
      string
    >[]) {
      const pins = pinsOf('aurora_tiles', slots, each(slots), { environment });
      expect(masks(pins)).toEqual(expected);
      expect(pins[0]![0]['ZE_FLAT_DEVICE_HIERARCHY']).toBe('COMPOSITE');
    }
  });

  test('are shared by two where there are 24 slots', () => {
    const tiles = masks(pinsOf('aurora_tiles', 24, each(24), { environment: flat }));
    expect(tiles).toEqual(Array.from({ length: 24 }, (_, slot) => String(Math.floor(slot / 2))));
  });

  test('of adjacent slots go to one trial', () => {
    const pins = pinsOf('aurora_tiles', 12, [[3, 3]], { environment: flat });
    expect(masks(pins)).toEqual(['3,4,5']);
    expect(pins[0]![0]).toMatchObject({ PERDURE_TILES_FLAT: '3,4,5', PERDURE_TILES_COMPOSITE: '1.1,2' });
  });

  test('have eight cores each, of their socket and none that is reserved', () => {
    const pins = pinsOf('aurora_tiles', 12, each(12), { environment: flat, cpus: 208, threads: 2 });
    const cores = pins.map(([, cpus]) => (cpus ?? []).filter((cpu) => cpu < 104));
    // As in ALCF's own list: --cpu-bind=list:1-8:9-16:17-24:25-32:33-40:41-48:53-60:…:93-100
    expect(cores.map((list) => [list[0], list.at(-1), list.length])).toEqual(
      [1, 9, 17, 25, 33, 41, 53, 61, 69, 77, 85, 93].map((first) => [first, first + 7, 8]),
    );
    expect(pins[0]![1]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 105, 106, 107, 108, 109, 110, 111, 112]);
    expect(pins[0]![0]['OMP_NUM_THREADS']).toBe('8');
  });

  test('bind no cores on a node that has others', () => {
    const [pin] = pinsOf('aurora_tiles', 12, [[0, 1]], { environment: flat, cpus: 64 });
    expect(pin![1]).toBeNull();
    expect(pin![0]).not.toHaveProperty('OMP_NUM_THREADS');
  });
});

describe('CUDA devices', () => {
  const devices = (slots: number, given: readonly string[]): readonly (string | undefined)[] =>
    pinsOf('cuda', slots, each(slots), { devices: given }).map(
      ([environment]) => environment['CUDA_VISIBLE_DEVICES'],
    );

  test.each<[string, number, readonly string[], readonly string[]]>([
    ['one each', 4, ['0', '1', '2', '3'], ['0', '1', '2', '3']],
    ['by the ids that the job was given', 2, ['GPU-7f', 'MIG-3a'], ['GPU-7f', 'MIG-3a']],
    ['several each', 2, ['4', '5', '6', '7'], ['4,5', '6,7']],
    ['shared', 4, ['2', '3'], ['2', '2', '3', '3']],
  ])('are divided: %s', (_, slots, given, expected) => {
    expect(devices(slots, given)).toEqual(expected);
  });
});

describe('cores', () => {
  test('are divided evenly, and no two slots share one', () => {
    const pins = pinsOf('cores', 4, each(4), { cpus: 16, threads: 2 });
    expect(pins.map(([, cpus]) => cpus)).toEqual([
      [0, 1, 8, 9],
      [2, 3, 10, 11],
      [4, 5, 12, 13],
      [6, 7, 14, 15],
    ]);
    expect(pins.map(([environment]) => environment['OMP_NUM_THREADS'])).toEqual(['2', '2', '2', '2']);
  });

  test('are shared where there are more slots than cores', () => {
    const pins = pinsOf('cores', 4, each(4), { cpus: 4, threads: 2 });
    expect(pins.map(([, cpus]) => cpus)).toEqual([
      [0, 2],
      [0, 2],
      [1, 3],
      [1, 3],
    ]);
  });

  test('leave the number of threads as the job has it', () => {
    const [pin] = pinsOf('cores', 1, [[0, 1]], { cpus: 4, environment: { OMP_NUM_THREADS: '1' } });
    expect(pin![0]).toEqual({ OMP_NUM_THREADS: '1' });
  });
});
