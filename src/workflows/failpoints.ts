import { proxySinks, type Sinks } from '@temporalio/workflow';

/** Moments at which a test may kill what it likes; see `src/worker/failpoint.ts`. Outside tests nothing listens. */
export interface FailpointSinks extends Sinks {
  failpoint: { hit(name: string): void };
}

const { failpoint } = proxySinks<FailpointSinks>();

export function hit(
  name: 'before-signal' | 'after-signal' | 'before-continue-as-new' | 'after-continue-as-new',
): void {
  failpoint.hit(name);
}
