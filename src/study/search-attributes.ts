import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';

/** What studies and trials can be found by in Temporal UI. */
export const searchAttributes = {
  /** Name of the study, on the study and on each of its trials. */
  study: defineSearchAttributeKey('PerdureStudy', SearchAttributeType.KEYWORD),
  site: defineSearchAttributeKey('PerdureSite', SearchAttributeType.KEYWORD),
  /** As in `StudyState`. */
  state: defineSearchAttributeKey('PerdureState', SearchAttributeType.KEYWORD),
  /** Best value of the only objective. */
  best: defineSearchAttributeKey('PerdureBest', SearchAttributeType.DOUBLE),
  /** Number of the trial. */
  trial: defineSearchAttributeKey('PerdureTrial', SearchAttributeType.INT),
} as const;

/** A study's name as a search attribute holds it: such a value takes 2,048 bytes, and Temporal counts UTF-8. */
export function studyKeyword(name: string): string {
  return name.slice(0, 480);
}
