import type { Facts } from '../remote/attempt-view';
import type { JobObservation, LossCause } from '../scheduler';
import type { Phase } from './job-phase';

/** What PBS tells of the job that the attempt runs in: its own or its block's. */
export type JobSight =
  /** It has not been asked yet, or did not say anything of this job. */
  | { readonly kind: 'unseen' }
  /** `forMs`: how long it has been in this phase, as far as anybody saw. */
  | { readonly kind: 'seen'; readonly id: string; readonly phase: Phase; readonly forMs: number }
  /** It answered so many times in a row, over so long, that it knows no such job. */
  | { readonly kind: 'missing'; readonly id: string; readonly times: number; readonly forMs: number };

/** Answers without the job, in a row, before it is called lost. */
const missingTimes = 3;

/**
 * What has become of an attempt, from its own directory and from PBS together. The directory is believed first; what PBS
 * says alone counts only when what the job wrote has had time to appear on the site's file system.
 * @param grace that time (milliseconds)
 * @param walltime of the job, where it is known (milliseconds)
 */
export function conclude(
  facts: Facts,
  sight: JobSight,
  { grace, walltime = null }: { readonly grace: number; readonly walltime?: number | null },
  now = new Date(),
): JobObservation {
  const { status, stop, owner } = facts;
  if (facts.gone) return lost('its directory is gone');
  const startedAt = owner?.startedAt ?? now;
  const stopped = (): JobObservation | null =>
    stop === null
      ? null
      : {
          state: 'done',
          end: { how: 'stopped', reason: stop.reason, why: stop.why },
          startedAt,
          endedAt: now,
        };
  if (status?.stopped === true) {
    const ended = stopped();
    if (ended !== null) return ended;
  }
  // What was ended by a signal may have been ended by PBS, which will say so.
  const ownEnd = (): JobObservation | null =>
    status === null || facts.unfinished !== null
      ? null
      : { state: 'done', end: { how: 'exited', status: status.code }, startedAt, endedAt: now };
  if (status?.code === 0 && facts.hasResult) {
    return { state: 'done', end: { how: 'exited', status: 0 }, startedAt, endedAt: now };
  }
  // In a block the pilot tells the trial's own end from the block's. Of a job of its own only PBS knows whether an end without
  // success came before the walltime's signal: that reaches the program and its wrapper one after the other.
  if (status !== null && !status.doubtful && facts.block !== null && facts.unfinished === null)
    return ownEnd() ?? lost('');
  // A wrapper that begins after `stop` was written does not run the program.
  if (owner === null && status === null && stop !== null) return stopped() ?? lost('');
  if (facts.unfinished !== null && (facts.unfinished.over || isOver(sight, grace))) {
    return stopped() ?? unfinished(facts.unfinished.reason);
  }
  const open = (note?: string): JobObservation =>
    owner === null
      ? { state: 'pending', ...(note === undefined || note === '' ? {} : { note }) }
      : { state: 'running', startedAt };
  /** How it ended, where PBS has forgotten why, as a server without a history does at once, or was never told. */
  const unexplained = (id: string): JobObservation | null => {
    if (facts.block !== null) return null;
    if (status?.signalled !== true) return ownEnd();
    const longEnough = walltime !== null && owner !== null && now.getTime() - startedAt.getTime() >= walltime;
    return longEnough
      ? lost(
          `job ${id} came to its walltime, as it seems: it was told to end, and PBS does not say why`,
          'walltime',
        )
      : lost(`job ${id} was told to end by a signal, and PBS does not say why`);
  };
  switch (sight.kind) {
    case 'unseen':
      return open();
    case 'missing':
      if (!isForgotten(sight, grace)) return open();
      return stopped() ?? unexplained(sight.id) ?? lost(missing(sight.id, facts), causeOf(facts));
    case 'seen':
      return seen(facts, sight, grace, { open, stopped, ownEnd, unexplained });
  }
}

interface Ways {
  readonly open: (note?: string) => JobObservation;
  readonly stopped: () => JobObservation | null;
  readonly ownEnd: () => JobObservation | null;
  readonly unexplained: (id: string) => JobObservation | null;
}

function seen(
  facts: Facts,
  { id, phase, forMs }: Extract<JobSight, { kind: 'seen' }>,
  grace: number,
  { open, stopped, ownEnd, unexplained }: Ways,
): JobObservation {
  const cause = causeOf(facts);
  switch (phase.state) {
    case 'pending':
      // What has begun and waits again was put back by PBS; the fence would end it, should it come to run.
      if (facts.owner !== null)
        return stopped() ?? (forMs < grace ? open() : lost(requeued(id, facts, phase.note), cause));
      return open(phase.note);
    case 'moved':
      // Nobody here will ever say how it ended.
      return stopped() ?? unexplained(id) ?? open(`PBS moved job ${id} to another server`);
    case 'exiting':
      // What PBS says of the end explains the word that is there; without one there is time.
      if (facts.block !== null || facts.status === null) return open();
      if (phase.end.how === 'walltime') return lost(`job ${id} came to its walltime`, 'walltime');
      return phase.end.how === 'exited' && !facts.status.doubtful ? (ownEnd() ?? open()) : open();
    case 'running':
      return open();
    case 'stuck':
      return stopped() ?? lost(`PBS holds job ${id}, which it could not start: ${phase.note}`, cause);
    case 'unknown':
      return { state: 'unknown', why: phase.note };
    case 'done':
      break;
  }
  const { end } = phase;
  // It had ended before it was asked to stop, or in that moment.
  const byItself = end.how === 'exited' || end.how === 'elsewhere';
  const before = facts.status?.doubtful === false && byItself ? ownEnd() : null;
  const asked = before ?? stopped();
  if (asked !== null) return asked;
  if (facts.block !== null) {
    if (end.how === 'walltime') return lost(`block ${facts.block} came to its walltime`, 'block');
    // A trial that a signal ended went with its block, as far as anybody can tell.
    return forMs < grace && byItself ? open() : lost(`block ${facts.block} (job ${id}) has ended`, 'block');
  }
  switch (end.how) {
    case 'walltime':
      return lost(`job ${id} came to its walltime`, 'walltime');
    case 'limit':
      return ownEnd() ?? lost(`PBS ended job ${id}: ${end.why}`);
    case 'deleted':
      return lost(
        `job ${id} was deleted (qdel, or PBS itself where a node fails)${end.why === '' ? '' : `: ${end.why}`}`,
      );
    case 'elsewhere':
      return unexplained(id) ?? (forMs < grace ? open() : lost(endedElsewhere(id, facts)));
    case 'never_ran':
      return lost(`PBS ${facts.owner === null ? 'did not run' : 'ended'} job ${id}: ${end.why}`);
    case 'signalled':
      if (end.whole) return lost(`everything of job ${id} was killed (signal ${String(end.signal)})`);
      return (
        ownEnd() ?? (forMs < grace ? open() : lost(`job ${id} was ended by signal ${String(end.signal)}`))
      );
    case 'exited':
      return ownEnd() ?? (forMs < grace ? open() : lost(noWord(id, end.status, facts)));
  }
}

function noWord(id: string, status: number, { owner }: Facts): string {
  const how = `job ${id} ended with exit status ${String(status)}`;
  return owner === null ? `${how} before the trial began` : `${how} and left no word of the trial`;
}

function endedElsewhere(id: string, { owner }: Facts): string {
  const how = `job ${id} has ended at another server, to which PBS had moved it`;
  return owner === null ? `${how}, before the trial began` : `${how}, and left no word of the trial`;
}

function requeued(id: string, { block }: Facts, note: string): string {
  const job = block === null ? `job ${id}` : `block ${block} (job ${id})`;
  return `PBS put ${job} back into its queue after it had begun, as when a node fails${note === '' ? '' : `: ${note}`}`;
}

function missing(id: string, { owner, block }: Facts): string {
  const job = block === null ? `job ${id}` : `block ${block} (job ${id})`;
  if (owner !== null) return `PBS does not know ${job} any more, and the trial left no exit status`;
  return `PBS took ${job} and does not know it any more; a queue that it was passed on to may have refused it`;
}

function unfinished(reason: string): JobObservation {
  // Its wrapper vanished while the block went on.
  if (reason === 'lost') return lost('its processes were killed');
  if (reason === 'walltime') return lost('its block came to its walltime', 'block');
  return lost(`its block was ended (${reason})`, 'block');
}

/** Whether a job has ended, as far as PBS tells; `grace`: how long it may not know a job (milliseconds). */
export function isOver(sight: JobSight, grace: number): boolean {
  return sight.kind === 'seen' ? sight.phase.state === 'done' : isForgotten(sight, grace);
}

/** Whether PBS has said often enough, over long enough (milliseconds), that it does not know the job. */
function isForgotten(sight: JobSight, grace: number): boolean {
  return sight.kind === 'missing' && sight.times >= missingTimes && sight.forMs >= grace;
}

function causeOf({ block }: Facts): LossCause {
  return block === null ? 'site' : 'block';
}

function lost(why: string, cause: LossCause = 'site'): JobObservation {
  return { state: 'lost', why, cause };
}
