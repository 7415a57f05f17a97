import type { ToldJob } from '../../support/pbs-stand-in';
import { recordings, type Recording } from './recordings';
import { overlay, toldJobs } from './told-jobs';

const all = recordings();

export function recordingOf(name: string): Recording {
  const found = all.find((recording) => recording.name === name);
  if (found === undefined) throw new Error(`there is no recording ${name}`);
  return found;
}

/** A job about which a command asks little but its state. */
export function bare(id: string, attributes: Readonly<Record<string, string>>): ToldJob {
  const owner = { Job_Name: 'aurora-long', Job_Owner: 'pbsuser@pbsci.test.example', queue: 'debug' };
  return { id: `${id}.pbsci`, attributes: { ...owner, ...attributes } };
}

export const running = { job_state: 'R', substate: '42', comment: 'Job run', exec_host: 'pbsci/0' };

const history = (): readonly ToldJob[] => toldJobs(recordingOf('main/all-x-t-f-json').stdout);

/** States that a recording does not show by itself. */
const special: Readonly<Record<string, () => readonly ToldJob[]>> = {
  'main/qdel-finished': () => [bare('0', { job_state: 'F' })],
  'main/qdel-force-finished': () => [bare('0', { job_state: 'F' })],
  'main/qdel-queued': () => [bare('29', { job_state: 'Q', queue: 'stoppedq' })],
  'main/qdel-running': () => [bare('28', running)],
  'main/qdel-trap0': () => [bare('34', running)],
  'main/qdel-force-running': () => [bare('30', running)],
  'main/qdel-force-momdown': () => [bare('81', { ...running, _node_lost: 'yes' })],
  'main/qdel-other-users-job': () => [bare('22', { ...running, Job_Owner: 'pbsuser2@pbsci.test.example' })],
  'main/qdel-array-subjob': () => [bare('31[1]', running)],
  'main/qsig-kill': () => [bare('32', running)],
  'main/qstat-f-mom': () => [bare('81', { job_state: 'F' })],
  'main/qselect-by-name': () => [
    bare('16', { job_state: 'F', Job_Name: 'aurora-fail' }),
    bare('75', { job_state: 'F', Job_Name: 'aurora-fail' }),
    bare('76', { job_state: 'Q' }),
  ],
  // Recorded when the 37 jobs with something odd in them were held in the queue as well.
  'main/qstat-Qf-json': () => [
    ...history(),
    ...Array.from({ length: 37 }, (_, index) => bare(String(38 + index), { job_state: 'H' })),
  ],
};

/** What the server held when this was recorded: what the recording shows, over what the whole history shows. */
export function stateOf({ name, command, stdout }: Recording): readonly ToldJob[] {
  const given = special[name];
  if (given !== undefined) return given();
  if (command.startsWith('qselect')) {
    const listed = stdout.split('\n').filter((line) => line !== '');
    const decoy = bare('99', {
      Job_Owner: 'other@pbsci.test.example',
      Account_Name: 'other',
      job_state: 'F',
    });
    return [
      ...listed.map((id) => bare(id.replace('.pbsci', ''), { job_state: 'F', Account_Name: 'MyProject' })),
      decoy,
    ];
  }
  // A table of everything shows all there was.
  if (/^qstat( -x 16)?$/.test(command)) return toldJobs(stdout);
  const base = name.startsWith('main/') ? history() : toldJobs(recordingOf('2022/bulk-x-two-known').stdout);
  return overlay(base, toldJobs(stdout));
}
