import { JobReports } from '../../../src/schedulers/pbs/job-reports';
import { readListing } from '../../../src/schedulers/pbs/qstat';

function text(...jobs: readonly (readonly [id: string, state: string])[]): string {
  return jobs.map(([id, state]) => `Job Id: ${id}\n    job_state = ${state}\n    substate = 42\n\n`).join('');
}

function seen(reports: JobReports, id: string): string {
  return reports.of(id)?.phase.state ?? 'nothing';
}

/** For how long it has been reported in its phase (milliseconds). */
function lasted(reports: JobReports, id: string): number {
  const report = reports.of(id);
  return report === null ? Number.NaN : report.at - report.since;
}

test('jobs are recognised if the server uses another name in its listings than in its ids', () => {
  const reports = new JobReports();
  const stdout = text(
    ['7.pbs.example.org', 'R'],
    ['8[].pbs.example.org', 'B'],
    ['9[2].pbs.example.org', 'R'],
  );
  const stderr = 'qstat: Unknown Job Id 11.pbs.example.org\n';
  const asked = ['7.pbs', '8[].pbs', '9[2].pbs', '10.pbs', '11.pbs'];
  expect(reports.take(readListing({ status: 153, stdout, stderr }), asked)).toEqual(['10.pbs']);
  expect(asked.map((id) => seen(reports, id))).toEqual([
    'running',
    'running',
    'running',
    'nothing',
    'absent',
  ]);
});

test('if two servers have a job of the same number, only the whole id matches', () => {
  const reports = new JobReports();
  const stdout = text(['7.one', 'R'], ['7.two', 'Q']);
  expect(reports.take(readListing({ status: 0, stdout, stderr: '' }), ['7.two', '7.three'])).toEqual([
    '7.three',
  ]);
  expect(seen(reports, '7.two')).toBe('waiting');
});

test('a report says since when a job has been in its phase', () => {
  const reports = new JobReports();
  const at = (now: number, state: string): number => {
    reports.take(readListing({ status: 0, stdout: text(['7.pbs', state]), stderr: '' }), ['7.pbs'], now);
    return lasted(reports, '7.pbs');
  };
  expect([at(0, 'Q'), at(1000, 'W'), at(2000, 'R'), at(5000, 'E'), at(6000, 'F'), at(9000, 'F')]).toEqual([
    0, 1000, 0, 3000, 0, 3000,
  ]);
  expect(reports.of('7.pbs')?.at).toBe(9000);
});

test('how long a job has been over or missing does not depend on the calendar clock of this machine', () => {
  const reports = new JobReports();
  const over = readListing({ status: 0, stdout: text(['7.pbs', 'F']), stderr: '' });
  const gone = readListing({ status: 153, stdout: '', stderr: 'qstat: Unknown Job Id 8.pbs\n' });
  const take = (): void => {
    reports.take(over, ['7.pbs']);
    reports.take(gone, ['8.pbs']);
  };
  const [wall, steady] = [Date.now.bind(Date), performance.now.bind(performance)];
  take();
  const clocks = [
    jest.spyOn(Date, 'now').mockImplementation(() => wall() - 3_600_000),
    jest.spyOn(performance, 'now').mockImplementation(() => steady() + 60_000),
  ];
  try {
    take();
    for (const id of ['7.pbs', '8.pbs']) expect(lasted(reports, id)).toBeGreaterThanOrEqual(60_000);
  } finally {
    for (const clock of clocks) clock.mockRestore();
  }
});
