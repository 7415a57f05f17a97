import { parentPort } from 'node:worker_threads';
import { createSampler } from '.';
import { messageOf, PerdureError } from '../study/error';
import type { Json } from '../study/json';
import type { SearchSpace } from '../study/space';
import type { Trial } from '../study/trial';
import type { Sampler } from './sampler';
import type { ThreadRequest, ThreadResponse } from './sampler-thread';

/* The program of the thread of ThreadSampler: handles one request after the other. */

interface SamplerState {
  readonly sampler: Sampler;
  space: SearchSpace;
  finished: Trial[];
}

/** By the id of the sampler. */
const samplers = new Map<number, SamplerState>();

async function propose(request: Extract<ThreadRequest, { kind: 'propose' }>): Promise<ThreadResponse> {
  const { id, created, space, isNewHistory, finished, running, number, directions, fixed } = request;
  try {
    let state = samplers.get(request.sampler);
    if (created !== undefined || state === undefined) {
      if (created === undefined) throw new Error('the sampler is not known to its thread');
      state = { sampler: createSampler(created.spec, created.seed), space: {}, finished: [] };
      samplers.set(request.sampler, state);
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

/** Settles when the last request has been handled. */
let queue: Promise<void> = Promise.resolve();

parentPort?.on('message', (request: ThreadRequest) => {
  queue = queue.then(async () => {
    if (request.kind === 'propose') {
      parentPort?.postMessage(await propose(request));
      return;
    }
    await samplers.get(request.sampler)?.sampler.close();
    samplers.delete(request.sampler);
  });
});
