/** Workflow id of a study's trial. */
export function trialWorkflowId(studyWorkflowId: string, number: number): string {
  return `${studyWorkflowId}/${String(number)}`;
}

/** Workflow id of the study that a trial belongs to: the inverse of {@link trialWorkflowId}. */
export function studyIdOfTrial(trialWorkflowId: string): string {
  return trialWorkflowId.slice(0, trialWorkflowId.lastIndexOf('/'));
}

/** Workflow id of a round of a study's agents. */
export function roundWorkflowId(studyWorkflowId: string, round: number): string {
  return `${studyWorkflowId}/agent/${String(round)}`;
}
