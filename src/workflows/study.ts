import {
  allHandlersFinished,
  ApplicationFailure,
  CancellationScope,
  condition,
  isCancellation,
  patched,
  proxyActivities,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { StudyProgress, StudyState } from '../study/progress';
import { StudyStateMachine } from '../study/study-state';
import { emptyTally } from '../study/tally';
import type { OpenedStudy, StudyActivities, StudyRef } from './activity-types';
import { AgentRounds } from './agent-rounds';
import { Deadline } from './deadline';
import { hit } from './failpoints';
import { continueAsNewRun, SureLength } from './long-history';
import { siteLogin, studyProgress } from './messages';
import { proposals, whyOf } from './proposals';
import { boundary, failureOf, goneMessage } from './retry';
import { SitePreparation } from './site-preparation';
import { StudyHerald } from './study-herald';
import type { StudyInput } from './study-input';
import { acceptRequests, type Requests } from './study-requests';
import { TrialWindow } from './trial-window';

/** How a study ended; the result of its workflow. */
export interface StudyResult {
  readonly state: StudyState;
  readonly reason: string;
  /** `null` where nothing was COMPLETE, or with several objectives. */
  readonly best: { readonly number: number; readonly value: number } | null;
}

const activities = proxyActivities<StudyActivities>(boundary);

/**
 * A study from its opening to its end: as long as there is room in the window and in the budget, propose and start trials;
 * meanwhile do what people ask; when history grows long, continue as a new run with the trials in flight.
 */
export async function study(input: StudyInput): Promise<StudyResult> {
  const ref: StudyRef = { name: input.name, uuid: input.uuid, ledger: input.ledger };
  const opened =
    input.carried === undefined
      ? await activities.openStudy({ ...ref, specVersion: input.specVersion })
      : undefined;
  const state = begin(input, opened);
  const window = new TrialWindow(ref, state, activities);
  const herald = new StudyHerald(ref, state, activities);
  const requests = acceptRequests(ref, state, window, activities, herald);
  const preparation = new SitePreparation(ref, state, () => {
    window.touch();
  });
  const rounds = new AgentRounds(ref, state, window, requests, input.carriedAgent ?? opened?.agent);
  herald.agents = () => rounds.details;
  setHandler(studyProgress, () => progressOf(input.uuid, state));
  setHandler(siteLogin, ({ site, needed }) => {
    state.setLoginRequired(site, needed);
    window.touch();
  });

  if (opened === undefined) {
    hit('after-continue-as-new');
    window.adopt(state.running);
  } else {
    window.start(opened.running);
    preparation.start();
  }
  const parts: Parts = { window, requests, herald, preparation, rounds };
  try {
    await run(input, ref, state, parts);
  } catch (error) {
    if (!isCancellation(error)) throw error;
    // Cancelled in Temporal UI: the same as `stop --now`.
    await CancellationScope.nonCancellable(async () => {
      state.stop();
      await window.cancelAll();
      await run(input, ref, state, parts);
    });
  }
  const result: StudyResult = { state: state.state, reason: state.reason, best: state.tally.best };
  if (result.state === 'failed') throw ApplicationFailure.nonRetryable(result.reason, 'StudyFailed', result);
  return result;
}

/** Who takes care of what in a study's run. */
interface Parts {
  readonly window: TrialWindow;
  readonly requests: Requests;
  readonly herald: StudyHerald;
  readonly preparation: SitePreparation;
  readonly rounds: AgentRounds;
}

async function run(input: StudyInput, ref: StudyRef, state: StudyStateMachine, parts: Parts): Promise<void> {
  const { window, requests, herald, preparation, rounds } = parts;
  const deadline = new Deadline(() => {
    window.touch();
  });
  const length = new SureLength();
  for (;;) {
    deadline.set(state.deadline);
    const room = requests.idle ? state.room(deadline.now) : 0;
    length.look(room === 0);
    const isLong = length.isLong(input.continueAfterEvents);
    preparation.follow();
    rounds.follow();
    await herald.tell();
    if (state.isGone && !window.isClosed) await window.cancelAll();
    // What was asked for while something was told holds for whatever is proposed from now on.
    const asked = room > 0 && (!requests.idle || state.roomLeft < room);
    if (asked && patched('asked-while-telling')) continue;
    // It may have come to its end while something else was told.
    if (state.over && !herald.current) continue;
    if (state.over && requests.idle && rounds.idle && !rounds.lookBack()) {
      await condition(allHandlersFinished);
      return;
    }
    const meanwhile = isLong && requests.idle && length.waitsForAnswer();
    if (isLong && !meanwhile && window.idle && requests.idle && rounds.idle && state.preparing === null) {
      await condition(allHandlersFinished);
      hit('before-continue-as-new');
      await continueAsNewRun<typeof study>({ ...input, carried: state.snapshot(), ...rounds.carried });
    }
    const proposed = room > 0 && (!isLong || meanwhile) && (await propose(ref, state, parts, length, room));
    if (!proposed) await window.changed();
  }
}

function begin(input: StudyInput, opened: OpenedStudy | undefined): StudyStateMachine {
  return new StudyStateMachine(
    input.carried ?? {
      spec: input.spec,
      specVersion: input.specVersion,
      startedAt: workflowInfo().startTime.getTime(),
      tally: opened?.tally ?? emptyTally,
      running: [],
      // A workflow that is reset to its beginning has made some already, under keys that begin with the same run.
      proposed: opened?.proposed ?? 0,
      paused: false,
      ending: null,
    },
  );
}

function progressOf(uuid: string, machine: StudyStateMachine): StudyProgress {
  const { state, reason, spec, specVersion, running, loginRequired } = machine;
  return { uuid, state, reason, spec, specVersion, running, loginRequired };
}

/** @returns `false` where nothing could be given out now: what is free is held for an agent */
async function propose(
  ref: StudyRef,
  state: StudyStateMachine,
  parts: Parts,
  length: SureLength,
  room: number,
): Promise<boolean> {
  const { window, rounds } = parts;
  const slots = rounds.slots(room);
  const count = slots?.length ?? room;
  if (count === 0) return false;
  // The chain of runs names the keys: a workflow that is reset later than its opening asks for the same trials again.
  const keys = state.nextKeys(workflowInfo().firstExecutionRunId, count);
  try {
    const given = await proposals(state, parts.herald, [
      ref,
      state.specVersion,
      { keys, ...(slots === undefined ? {} : { slots }), ...state.counts },
    ]);
    length.answered();
    if (given === null) return true;
    window.start(given.trials);
    if (given.unstarted !== undefined) state.countUnstarted(given.unstarted);
    if (slots !== undefined) rounds.tried(slots, given);
    if (given.exhausted) state.exhausted();
  } catch (error) {
    const failure = failureOf(error);
    if (failure === null) throw error;
    const gone = goneMessage(error);
    if (gone === null) state.fail(`no proposal could be made: ${whyOf(failure)}`);
    else state.gone(gone);
  }
  return true;
}
