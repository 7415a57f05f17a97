import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import { readJob } from '../config';
import type { Settings, SiteSettings } from '../config/settings';
import { planDiagnosis, type DiagnosisFinding, type DiagnosisTest } from '../jobs/diagnosis';
import { messageOf, PerdureError } from '../study/error';
import { openBatch, type BatchRequest } from './open-batch';
import type { Session } from './session';

export interface DiagnoseOptions {
  readonly test?: DiagnosisTest;
  /** Tasks at once, and MPI ranks. */
  readonly n?: number;
  /** The Python of the site; `python3` unless given. */
  readonly python?: string;
}

/** What a site was found to be. */
export interface Diagnosis {
  /** Name of its jobs: `perdure job list NAME` shows their raw results. */
  readonly name: string;
  readonly site: string;
  readonly test: DiagnosisTest;
  readonly findings: readonly DiagnosisFinding[];
}

/** The package's folder of what runs at a site. */
const scripts = resolve(__dirname, '..', '..', 'trial');

/** The jobs of a diagnosis, ready to be submitted. @throws {@link PerdureError} `InvalidInput` */
export async function diagnosisRequest(
  { sites }: Pick<Settings, 'sites'>,
  site: string,
  { test = 'simple', n = 4, python }: DiagnoseOptions = {},
): Promise<BatchRequest> {
  if (!Number.isInteger(n) || n < 1 || n > 1000) {
    throw new PerdureError('InvalidInput', `so many tasks can't be: ${String(n)}`, {
      hint: 'write a whole number from 1 to 1000',
    });
  }
  const { jobs, alone } = planDiagnosis(test, n, ranksOf(sites[site]));
  const loaded = [];
  for (const { id, params, ranks } of jobs) {
    const source = {
      function: 'perdure_diagnose.py:check',
      params,
      timeout: '15m',
      ...(python === undefined ? {} : { python }),
      ...(ranks === undefined ? {} : { nodes: ranks.nodes, ranks_per_node: ranks.perNode }),
    };
    loaded.push({ ...(await readJob(source, { where: 'the diagnosis', directory: scripts })), id });
  }
  const name = `${test}-${randomBytes(4).toString('hex')}`;
  return {
    kind: 'diagnosis',
    name,
    site,
    jobs: loaded,
    parallel: n,
    about: { test, n },
    more: { alone, test },
  };
}

/** Engines of Globus Compute with MPI start the ranks of a task themselves. */
function ranksOf(site: SiteSettings | undefined): { readonly nodes: number } | null {
  if (site?.scheduler !== 'globus_compute' || site.resourceSpecification === null) return null;
  const { num_nodes: nodes } = site.resourceSpecification;
  return { nodes: typeof nodes === 'number' ? nodes : 1 };
}

/** Submits a diagnosis and waits for what it found; `opened` is told its workflow's id. */
export async function runDiagnosis(
  session: Session,
  request: BatchRequest,
  test: DiagnosisTest,
  opened: (workflowId: string) => void = () => undefined,
): Promise<Diagnosis> {
  const { handle } = await openBatch(session, request);
  opened(handle.workflowId);
  const client = await session.client();
  try {
    const findings = (await client.workflow
      .getHandle(handle.workflowId)
      // What the workflow of this name answers.
      .result()) as readonly DiagnosisFinding[];
    return { name: request.name, site: request.site, test, findings };
  } catch (cause) {
    throw new PerdureError('Unavailable', `the result of the diagnosis is unknown: ${messageOf(cause)}`, {
      where: `site ${request.site}`,
      hint: `perdure job status ${request.name}`,
      cause,
    });
  }
}

/**
 * Looks at a site by jobs that run there: is it reached, and what is there (Python, PyTorch and its devices, MPI, room for tasks
 * at once). A server and a worker have to be running (`perdure up`).
 * @throws {@link PerdureError} `InvalidInput` for a site that the settings do not have
 */
export async function diagnose(
  session: Session,
  site: string,
  options: DiagnoseOptions = {},
): Promise<Diagnosis> {
  const request = await diagnosisRequest(session.settings, site, options);
  return runDiagnosis(session, request, options.test ?? 'simple');
}
