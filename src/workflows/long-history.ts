import { allHandlersFinished, patched, workflowInfo } from '@temporalio/workflow';

/** Temporal ends a workflow with 51,200 events or 50 MB; with these there is room for what comes meanwhile. */
const most = { events: 20_000, bytes: 20_000_000 };

/** Whether it is time to go on as a new run. @param continueAfterEvents instead of when the server suggests it */
export function historyIsLong(continueAfterEvents = Infinity): boolean {
  const { continueAsNewSuggested, historyLength } = workflowInfo();
  return continueAsNewSuggested || historyLength > continueAfterEvents;
}

/**
 * Whether somebody waits for an answer that only this run can give, as to a request to cancel something at a site that can't be
 * reached, and the history may grow meanwhile.
 */
export function waitsForAnswer(): boolean {
  const { historyLength, historySize } = workflowInfo();
  return (
    !allHandlersFinished() &&
    historyLength < most.events &&
    historySize < most.bytes &&
    // Earlier versions began nothing until it was given.
    patched('goes-on-meanwhile')
  );
}
