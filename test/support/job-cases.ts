import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JobReport } from '../../src/client/batch-handle';
import { until, type Installation } from './installation';

/** `train.py` of these cases. */
export const trainProgram = `import os, time
def train_wrapper(params):
    with open(params["log"], "a") as file:
        file.write("%s\\n" % params["i"])
    print("job", params["i"])
    while "gate" in params and not os.path.exists(params["gate"]):
        time.sleep(0.05)
    if params["i"] < 0:
        raise ValueError("told to fail")
    return {"seen": params["i"], "nested": params.get("nested")}
`;

/** What the jobs have written into their log: a line each, when they began. */
export const started = (log: string): readonly string[] =>
  existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : [];

function words(site: string, id: string, params: object): readonly string[] {
  const called = ['--function', 'train.py:train_wrapper', '--params', JSON.stringify(params)];
  return ['job', 'submit', site, ...called, '--id', id];
}

/** What holds for single jobs at any site. @param found the installation, once it is up and has {@link trainProgram} as `train.py` */
export function jobCases(site: string, found: () => Installation): void {
  test('a job takes any JSON and gives it back, and the same again finds it', async () => {
    const installation = found();
    const log = join(installation.folder, `${site}-one.log`);
    const params = { i: 5, log, nested: { a: [1, null, 'x'] } };
    const first = await installation.must(...words(site, `${site}-one`, params), '--wait', '--json');
    const report = JSON.parse(first) as JobReport;
    expect(report).toMatchObject({
      job_id: `${site}-one`,
      state: 'COMPLETE',
      result: { seen: 5, nested: { a: [1, null, 'x'] } },
    });
    const again = await installation.must(...words(site, `${site}-one`, params), '--wait', '--json');
    expect(JSON.parse(again)).toEqual(report);
    expect(started(log)).toEqual(['5']);
    const other = await installation.perdure(...words(site, `${site}-one`, { ...params, i: 6 }));
    expect(other.code).toBe(2);
    expect(other.stderr).toContain(`there is another job '${site}-one' already`);
    expect(await installation.must('job', 'logs', `${site}-one`)).toContain('job 5');
  }, 120_000);

  test('a job that fails says why and ends with 1; one that is cancelled too', async () => {
    const installation = found();
    const log = join(installation.folder, `${site}-fail.log`);
    const failed = await installation.perdure(...words(site, `${site}-bad`, { i: -1, log }), '--wait');
    expect(failed).toMatchObject({ code: 1 });
    expect(failed.stdout).toContain('ValueError: told to fail');
    await installation.must(...words(site, `${site}-held`, { i: 1, log, gate: '/nonexistent' }));
    await until('it runs', () => started(log).includes('1'));
    await installation.must('job', 'cancel', `${site}-held`);
    const { code, stdout } = await installation.perdure('job', 'result', `${site}-held`, '--json');
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ state: 'FAIL', reason: 'cancelled' });
  }, 120_000);

  test('a killed worker leaves a job running, and it is adopted', async () => {
    const installation = found();
    const log = join(installation.folder, `${site}-kill.log`);
    const gate = join(installation.folder, `${site}-kill.gate`);
    await installation.must(...words(site, `${site}-kill`, { i: 2, log, gate }));
    await until('it runs', () => started(log).length === 1);
    await installation.kill('worker');
    await installation.must('up');
    writeFileSync(gate, '');
    const text = await installation.must('job', 'result', `${site}-kill`, '--wait', '--json');
    expect(JSON.parse(text)).toMatchObject({ state: 'COMPLETE', attempts: 1, result: { seen: 2 } });
    expect(started(log)).toEqual(['2']);
  }, 180_000);
}
