import { JobSights } from '../../../src/schedulers/pbs/job-sights';
import { readListing } from '../../../src/schedulers/pbs/qstat';

function text(...jobs: readonly (readonly [id: string, state: string])[]): string {
  return jobs.map(([id, state]) => `Job Id: ${id}\n    job_state = ${state}\n    substate = 42\n\n`).join('');
}

function seen(sights: JobSights, id: string): string {
  const sight = sights.of(id);
  return sight.kind === 'seen' ? sight.phase.state : sight.kind;
}

test('a server that goes by another name than its ids is understood', () => {
  const sights = new JobSights();
  const stdout = text(
    ['7.pbs.example.org', 'R'],
    ['8[].pbs.example.org', 'B'],
    ['9[2].pbs.example.org', 'R'],
  );
  const stderr = 'qstat: Unknown Job Id 11.pbs.example.org\n';
  const asked = ['7.pbs', '8[].pbs', '9[2].pbs', '10.pbs', '11.pbs'];
  expect(sights.take(readListing({ status: 153, stdout, stderr }), asked)).toEqual(['10.pbs']);
  expect(asked.map((id) => seen(sights, id))).toEqual(['running', 'running', 'running', 'unseen', 'missing']);
});

test('where two servers have a job of that number, only the very id counts', () => {
  const sights = new JobSights();
  const stdout = text(['7.one', 'R'], ['7.two', 'Q']);
  expect(sights.take(readListing({ status: 0, stdout, stderr: '' }), ['7.two', '7.three'])).toEqual([
    '7.three',
  ]);
  expect(seen(sights, '7.two')).toBe('pending');
});

test('it is told how long a job has been as it is', () => {
  const sights = new JobSights();
  const at = (now: number, state: string): number => {
    sights.take(readListing({ status: 0, stdout: text(['7.pbs', state]), stderr: '' }), ['7.pbs'], now);
    const sight = sights.of('7.pbs');
    return sight.kind === 'seen' ? sight.forMs : Number.NaN;
  };
  expect([at(0, 'Q'), at(1000, 'W'), at(2000, 'R'), at(5000, 'E'), at(6000, 'F'), at(9000, 'F')]).toEqual([
    0, 1000, 0, 3000, 0, 3000,
  ]);
  expect(sights.listedAt('7.pbs')).toBe(9000);
});

test('how long a job is over or missing does not hang on the clock of this machine', () => {
  const sights = new JobSights();
  const over = readListing({ status: 0, stdout: text(['7.pbs', 'F']), stderr: '' });
  const gone = readListing({ status: 153, stdout: '', stderr: 'qstat: Unknown Job Id 8.pbs\n' });
  const take = (): void => {
    sights.take(over, ['7.pbs']);
    sights.take(gone, ['8.pbs']);
  };
  const [wall, steady] = [Date.now.bind(Date), performance.now.bind(performance)];
  take();
  const clocks = [
    jest.spyOn(Date, 'now').mockImplementation(() => wall() - 3_600_000),
    jest.spyOn(performance, 'now').mockImplementation(() => steady() + 60_000),
  ];
  try {
    take();
    for (const id of ['7.pbs', '8.pbs']) {
      const sight = sights.of(id);
      expect(sight.kind === 'unseen' ? Number.NaN : sight.forMs).toBeGreaterThanOrEqual(60_000);
    }
  } finally {
    for (const clock of clocks) clock.mockRestore();
  }
});
