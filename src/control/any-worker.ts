import { PerdureError } from '../study/error';
import { connectWorkers, requestOf } from './control-client';
import type { ControlAnswer, ControlRequest } from './protocol';

/**
 * Asks the workers of this machine in turn, until one knows the site. None of these requests asks a person back.
 * @param signal ends the asking
 * @throws {@link PerdureError} `Unavailable` where no worker runs, else as the worker does
 */
export async function askAnyWorker<Kind extends keyof ControlAnswer>(
  home: string,
  request: Extract<ControlRequest, { readonly do: Kind }>,
  signal?: AbortSignal,
): Promise<ControlAnswer[Kind]> {
  const workers = await connectWorkers(home);
  const hangUp = (): void => {
    for (const worker of workers) worker.destroy();
  };
  signal?.addEventListener('abort', hangUp);
  if (signal?.aborted === true) hangUp();
  let unknown: unknown;
  try {
    for (const worker of workers) {
      try {
        const text = await requestOf(worker, request, () => Promise.resolve(null));
        return JSON.parse(text) as ControlAnswer[Kind];
      } catch (error) {
        if (!(error instanceof PerdureError) || error.kind !== 'NotFound') throw error;
        unknown = error;
      }
    }
  } finally {
    signal?.removeEventListener('abort', hangUp);
    hangUp();
  }
  if (unknown !== undefined) throw unknown as PerdureError;
  throw new PerdureError(
    'Unavailable',
    `no worker runs on this machine, and only a worker has the way to the site`,
    {
      hint: 'start one: perdure up',
    },
  );
}
