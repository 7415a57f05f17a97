import { parentPort } from 'node:worker_threads';
import { createSampler } from '.';
import { messageOf, PerdureError } from '../study/error';
import type { Json } from '../study/json';
import type { SearchSpace } from '../study/space';
import type { Trial } from '../study/trial';
import type { Sampler } from './sampler';
import type { Answer, Question } from './sampler-thread';

/* The thread of ThreadSampler: answers one question after the other. */

interface Known {
  readonly sampler: Sampler;
  space: SearchSpace;
  finished: Trial[];
}

const known = new Map<number, Known>();

async function answer(question: Extract<Question, { kind: 'propose' }>): Promise<Answer> {
  const { id, created, space, isNewHistory, finished, running, number, directions, fixed } = question;
  try {
    let state = known.get(question.sampler);
    if (created !== undefined || state === undefined) {
      if (created === undefined) throw new Error('the sampler is not known to its thread');
      state = { sampler: createSampler(created.spec, created.seed), space: {}, finished: [] };
      known.set(question.sampler, state);
    }
    if (space !== undefined) state.space = space;
    if (isNewHistory) state.finished = [];
    for (const trial of finished) state.finished.push(trial);
    let attrs: Readonly<Record<string, Json>> | undefined;
    const params = await state.sampler.propose({
      number,
      space: state.space,
      directions,
      fixed,
      history: { finished: state.finished, running },
      onChoice: (chosen) => {
        attrs = chosen;
      },
    });
    return { id, params, ...(attrs === undefined ? {} : { attrs }) };
  } catch (error) {
    if (!(error instanceof PerdureError)) return { id, error: { kind: null, message: messageOf(error) } };
    const { kind, message, where, hint } = error;
    return { id, error: { kind, message, where, hint } };
  }
}

let turn: Promise<void> = Promise.resolve();

parentPort?.on('message', (question: Question) => {
  turn = turn.then(async () => {
    if (question.kind === 'propose') {
      parentPort?.postMessage(await answer(question));
      return;
    }
    await known.get(question.sampler)?.sampler.close();
    known.delete(question.sampler);
  });
});
