export type { Batch, Batches, JobRecord, NewBatch } from './batches';
export type { JobRow, Ledger, LedgerStudy, NewStudy, Proposal, Proposed, TrialResult } from './ledger';
export { openLedger, openLedgerToRead } from './open';
export { parseLedgerUrl } from './url';
