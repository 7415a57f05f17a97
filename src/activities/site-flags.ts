import { Context, type Info } from '@temporalio/activity';
import { WorkflowNotFoundError } from '@temporalio/common';
import type { Ledger } from '../storage/ledger';
import { siteLogin } from '../workflows/messages';
import { studyIdOfTrial } from '../study/workflow-id';
import type { StudyRef } from '../workflows/activity-types';
import { loginAttr } from '../study/login-flags';

/** How long what was told is taken for what the ledger has (milliseconds). */
const remembered = 10_000;

/**
 * Tells studies that a site waits for a person, and that it waits no more: the ledger for `perdure status`, the study's
 * workflow for Temporal UI. Each is told once, by whichever attempt finds out first.
 */
export class SiteFlags {
  /** What each study was told last of each site. */
  private readonly told = new Map<string, { readonly needed: string | null; readonly at: number }>();

  constructor(private readonly ledger: Ledger) {}

  /** @param needed what to do, in words; `null`: the site answers */
  async tell(study: StudyRef, site: string, needed: string | null): Promise<void> {
    const name = `${study.uuid}/${site}`;
    const last = this.told.get(name);
    // Another worker may have told otherwise since.
    const known = last !== undefined && Date.now() - last.at < remembered;
    const before = known ? last.needed : await this.inLedger(study, site);
    const now = { needed, at: known ? last.at : Date.now() };
    this.told.set(name, before === needed ? now : { needed, at: Date.now() });
    if (before === needed) return;
    try {
      // In this order: what the ledger has is taken for told.
      await signalStudy(site, needed !== null);
      await this.ledger.setStudyAttrs(study.name, { [loginAttr(site)]: needed });
    } catch (error) {
      this.told.delete(name);
      throw error;
    }
  }

  private async inLedger(study: StudyRef, site: string): Promise<string | null> {
    const found = await this.ledger.findStudy(study.name);
    const value = found?.attrs[loginAttr(site)];
    return typeof value === 'string' ? value : null;
  }
}

/** A trial's activities belong to its study as those of the study do. */
function studyIdOf({ workflowType, workflowExecution }: Info): string {
  const id = workflowExecution?.workflowId ?? '';
  return workflowType === 'study' ? id : studyIdOfTrial(id);
}

async function signalStudy(site: string, needed: boolean): Promise<void> {
  const { client, info } = Context.current();
  try {
    await client.workflow.getHandle(studyIdOf(info)).signal(siteLogin, { site, needed });
  } catch (error) {
    // The study was ended by hand; its trials go on.
    if (!(error instanceof WorkflowNotFoundError)) throw error;
  }
}
