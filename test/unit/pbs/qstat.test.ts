import { phaseOf, type PbsJob } from '../../../src/sites/dialects/pbs';
import { readListing, type Listing } from '../../../src/schedulers/pbs/qstat';
import { expectedStates } from './expected-states';
import { recordings, type Recording } from './recordings';

const all = recordings();
/** Every recording of `qstat -f` about jobs, in JSON or as text. */
const listings = all.filter(
  ({ command }) => /(^| )qstat .*-f/.test(command) && !/ -[BQ] | -F dsv/.test(command),
);

function recording(name: string): Recording {
  const found = all.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no recording ${name}`);
  return found;
}

function inWords(job: PbsJob): string {
  const phase = phaseOf(job);
  switch (phase.state) {
    case 'waiting':
      return phase.note.startsWith('Can Never Run') ? 'can never run' : 'pending';
    case 'ended':
      switch (phase.end.how) {
        case 'exited':
          return `exit ${String(phase.end.status)}`;
        case 'signalled':
          return `signal ${String(phase.end.signal)}`;
        case 'never_ran':
          return 'never ran';
        case 'limit':
        case 'walltime':
        case 'deleted':
        case 'vanished':
        case 'elsewhere':
          return phase.end.how;
      }
    // eslint-disable-next-line no-fallthrough -- every way to end has returned
    case 'running':
    case 'held':
    case 'moved':
    case 'ending':
    case 'absent':
    case 'unrecognized':
      return phase.state;
  }
}

function shown(listing: Listing): string {
  const jobs = [...listing.jobs.values()].map((job) => `${job.id.replace(/\.pbsci$/, '')} ${inWords(job)}`);
  return `${listing.answered ? '' : '!'}${jobs.join(', ')}`;
}

test('every recording of qstat -f has an expectation, and none is left over', () => {
  expect(listings.map(({ name }) => name).sort()).toEqual(Object.keys(expectedStates).sort());
});

test.each(listings.map((one) => [one.name, one] as const))('%s', (name, one) => {
  expect(shown(readListing(one))).toBe(expectedStates[name]);
});

test('names the ids that the server does not know', () => {
  expect([...readListing(recording('main/bulk-x-k-u-k-k')).unknown]).toEqual(['99999.pbsci']);
  expect([...readListing(recording('2022/unknown-json')).unknown]).toEqual(['99999.pbsci']);
  expect(readListing(recording('main/bulk-x-two-known')).unknown.size).toBe(0);
});

test('says why there is no answer, in the words of PBS', () => {
  expect(readListing(recording('main/serverdown-qstat-json')).why).toBe(
    'qstat: cannot connect to server pbsci (errno=15010)',
  );
  expect(readListing(recording('main/qstat-server-hung')).why).toBe('qstat did not answer in time');
});

test("reads past a login shell's banner", () => {
  const one = recording('main/bulk-x-two-known');
  const stdout = `Welcome to Aurora {beta}\n"quota": 5\n${one.stdout}\nlogout\n`;
  expect(shown(readListing({ ...one, stdout }))).toBe('16 exit 3');
});

describe.each(['main/all-x-f-json', '2022/bulk-x-two-known'])('%s, cut off anywhere', (name) => {
  const one = recording(name);
  const whole = readListing(one);

  test('is never taken for a whole answer, and never tells a state that is not so', () => {
    const step = Math.max(1, Math.floor(one.stdout.length / 400));
    for (let length = one.stdout.indexOf('{') + 2; length < one.stdout.trimEnd().length - 1; length += step) {
      const cut = readListing({ ...one, stdout: one.stdout.slice(0, length) });
      expect(cut.answered).toBe(false);
      for (const job of cut.jobs.values()) expect(job).toEqual(whole.jobs.get(job.id));
    }
  });
});

test('a variable that looks like a state does not change it', () => {
  const one = recording('2022/odd-var-NL-40');
  const forged = one.stdout.replace(
    '"Variable_List":{',
    '"Variable_List":{\n                "job_state":"F",\n                "Exit_status":0,',
  );
  expect(forged).not.toBe(one.stdout);
  expect(shown(readListing({ ...one, stdout: forged }))).toBe('40 pending');
});
