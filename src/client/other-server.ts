import { hostname } from 'node:os';
import { Client, Connection } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/common';
import { embeddedServer, runningServer } from '../server/embedded-server';
import type { LedgerStudy } from '../storage/ledger';
import { withCleanUp } from '../study/clean-up';
import { PerdureError } from '../study/error';
import { isObject } from '../study/json';
import { clientProxyOptions } from './proxy';
import type { Session } from './session';

/** Where a study's workflow is: the embedded server of a state directory, which another one with the same ledger does not see. */
const serverAttr = 'perdure:server';

/** How long a server of this machine may take to answer (milliseconds). */
const answerWithin = 10_000;

/** Notes in the ledger which embedded server has the study, for {@link mustNotRunElsewhere}. */
export async function noteServer({ ledger, settings }: Session, study: string): Promise<void> {
  const here = settings.temporal.kind === 'embedded' ? embeddedServer(settings.home) : null;
  if (here === null) return;
  const note = { host: hostname(), home: settings.home, address: here.address };
  await ledger.setStudyAttrs(study, { [serverAttr]: note });
}

/**
 * The other state directory of this machine on whose server the study runs; `null` where none is known. One that is not there any
 * more, or on another machine, is not known to have it.
 * @throws {@link PerdureError} `Unavailable` where it runs and does not answer
 */
export async function runsElsewhere(
  { settings }: Session,
  { attrs }: LedgerStudy,
  workflowId: string,
): Promise<string | null> {
  const noted = attrs[serverAttr];
  if (!isObject(noted) || noted['host'] !== hostname()) return null;
  const { home, address } = noted;
  if (typeof home !== 'string' || typeof address !== 'string' || home === settings.home) return null;
  // Else another server may have its port by now.
  if (runningServer(home) === null) return null;
  return (await runsAt(home, address, workflowId)) ? home : null;
}

/**
 * Two servers would both run the study.
 * @throws {@link PerdureError} `Conflict`; `Unavailable` where the other one does not answer
 */
export async function mustNotRunElsewhere(
  session: Session,
  study: LedgerStudy,
  workflowId: string,
): Promise<void> {
  const home = await runsElsewhere(session, study, workflowId);
  if (home === null) return;
  throw new PerdureError(
    'Conflict',
    `study '${study.name}' runs already, on the Temporal server of ${home}`,
    {
      hint: `use it from there: PERDURE_HOME=${home}; or give this study another name`,
    },
  );
}

async function runsAt(home: string, address: string, workflowId: string): Promise<boolean> {
  try {
    const connection = await Connection.connect({
      address,
      ...clientProxyOptions(address),
      connectTimeout: answerWithin,
    });
    return await withCleanUp(
      async () => {
        const handle = new Client({ connection }).workflow.getHandle(workflowId);
        const { status } = await connection.withDeadline(Date.now() + answerWithin, () => handle.describe());
        return status.name === 'RUNNING';
      },
      () => connection.close(),
    );
  } catch (cause) {
    if (cause instanceof WorkflowNotFoundError || runningServer(home) === null) return false;
    throw new PerdureError(
      'Unavailable',
      `the Temporal server of ${home}, which had the study, does not answer`,
      {
        hint: `try again in a while, or end it: PERDURE_HOME=${home} perdure down`,
        cause,
      },
    );
  }
}
