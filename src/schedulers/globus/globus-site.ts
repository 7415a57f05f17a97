import type { Json } from '../../study/json';

/** An endpoint of Globus Compute, as its scheduler needs it. */
export interface GlobusSite {
  /** Its name in the settings. */
  readonly site: string;
  readonly endpointId: string;
  readonly serviceUrl: string;
  /** Milliseconds that a trial may run, whatever the study says. */
  readonly functionTimeout: number;
  /** How often one attempt is submitted again that the endpoint did not run. */
  readonly maxRetries: number;
  readonly userEndpointConfig: Readonly<Record<string, Json>>;
  readonly resourceSpecification: Readonly<Record<string, Json>> | null;
  /** Absolute, at the site, or `~/…` where there is no transport; all workers of the endpoint see it. */
  readonly workingDir: string;
  readonly workerInit: string;
}

/** How long this or that is waited for (milliseconds). Tests have less. */
export interface Patience {
  /** Tasks that come within this time are submitted by one request. */
  readonly gather: number;
  /** Between two questions for the state of a task whose result does not come by itself, and of one whose result should. */
  readonly poll: { readonly alone: number; readonly listening: number };
  /** Between two looks at the site's files, by a transport and by a task. */
  readonly look: { readonly transport: number; readonly task: number };
  /** For a running trial's next sign of life, before it is called lost. */
  readonly silence: number;
  /** For a worker to be free, where a person waits; and where nobody does, before a small task is taken for lost. */
  readonly person: number;
  readonly worker: number;
  /** For a task that a later one has overtaken, before it is submitted again. */
  readonly overtaken: number;
}

export const usualPatience: Patience = {
  gather: 5,
  poll: { alone: 5000, listening: 60_000 },
  look: { transport: 10_000, task: 30_000 },
  silence: 60_000,
  person: 30_000,
  worker: 120_000,
  overtaken: 60_000,
};
