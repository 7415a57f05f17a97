import { setCurrentDetails, upsertSearchAttributes } from '@temporalio/workflow';
import type { StudyState } from '../study/progress';
import { searchAttributes } from '../study/search-attributes';
import type { Stall, StudyStateMachine } from '../study/study-state';
import { isFiniteValue } from '../study/tally';
import type { StudyActivities, StudyRef } from './activity-types';
import { goneMessage } from './retry';
import { describeStudy, type AgentDetails } from './study-details';

/** Tells Temporal UI and the ledger how the study stands, each only where something has changed. */
export class StudyHerald {
  private state: StudyState | undefined;
  private preparing: string | null = null;
  private stall: Stall | null = null;
  private best: number | undefined;
  /** What there is to say of the study's agents. */
  agents: () => AgentDetails = () => ({ lines: [], approvals: [] });
  private telling: Promise<void> = Promise.resolve();

  constructor(
    private readonly ref: StudyRef,
    private readonly study: StudyStateMachine,
    private readonly activities: StudyActivities,
  ) {}

  /** Resolves when everything up to now is told; calls that overlap tell one after the other. */
  tell(): Promise<void> {
    const mine = this.telling.then(() => this.tellNow());
    this.telling = mine.catch(() => undefined);
    return mine;
  }

  /** Whether the study's state is told as it is now. */
  get current(): boolean {
    return this.study.state === this.state;
  }

  private async tellNow(): Promise<void> {
    setCurrentDetails(describeStudy(this.study, this.agents()));
    const { best } = this.study.tally;
    if (best !== null && best.number !== this.best && isFiniteValue(best.value)) {
      this.best = best.number;
      upsertSearchAttributes([{ key: searchAttributes.best, value: best.value }]);
    }
    const { state, preparing, stall } = this.study;
    const told = state === this.state;
    if (told && preparing === this.preparing && stall === this.stall) return;
    this.state = state;
    this.preparing = preparing;
    this.stall = stall;
    if (!told) upsertSearchAttributes([{ key: searchAttributes.state, value: state }]);
    if (this.study.isGone) return;
    try {
      await this.activities.noteState(this.ref, state, this.study.reason);
    } catch (error) {
      const gone = goneMessage(error);
      if (gone === null) throw error;
      this.study.gone(gone);
    }
  }
}
