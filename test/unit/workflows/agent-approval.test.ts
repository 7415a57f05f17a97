import type { AgentSamplerSpec } from '../../../src/study/spec';
import { approveProposal, rejectProposal } from '../../../src/workflows/messages';
import { agentStudy, checked, fillers, proposal, slots } from '../../support/workflows/agent-study';
import { eventually } from '../../support/workflows/eventually';
import type { MockedStudy, StudyOptions } from '../../support/workflows/mocked-study';
import { refusal } from '../../support/workflows/refusal';
import { describeWorkflows } from '../../support/workflows/workflow-tests';

describeWorkflows('a person’s approval of what agents propose', (workflows) => {
  async function waiting(
    changes: Partial<AgentSamplerSpec> = {},
    options: StudyOptions = {},
  ): Promise<MockedStudy> {
    const study = await workflows.study(
      agentStudy({ held: true, ...options }, { approval: 'every', ...changes }),
    );
    await study.untilRunning(0);
    study.end(0);
    await study.mocks.called('agentAwait');
    return study;
  }

  test('a proposal waits for it and is tried afterwards', async () => {
    const study = await waiting();
    expect(study.mocks.callsOf('agentAwait')).toMatchObject([[{}, [{ number: 1 }, { number: 2 }]]]);
    expect(study.attempted).toEqual([0]);
    expect(await study.handle.executeUpdate(approveProposal, { args: [{ number: 2 }] })).toEqual([2]);
    await study.untilRunning(1);
    expect(fillers(study)).toEqual(['backbone', '1-2']);
    expect(study.mocks.callsOf('agentDecide')).toMatchObject([[{}, [{ id: '1-2', outcome: 'approved' }]]]);
  });

  test('a proposal is tried as the person has changed it, and the agents are told', async () => {
    const study = await waiting(
      { batch: 1 },
      { activities: { agentValidate: () => checked({ proposals: [proposal(0.1)] }) } },
    );
    await study.handle.executeUpdate(approveProposal, { args: [{ edit: { x: 0.5 } }] });
    await study.untilRunning(1);
    expect(slots(study)[1]).toMatchObject({ idea: { params: { x: 0.5, n: 3, c: 'a' } } });
    study.end(1);
    await study.untilRunning(2);
    study.end(2);
    await study.mocks.called('agentPropose', 2);
    expect(JSON.stringify(study.mocks.callsOf('agentPropose')[1])).toContain(
      'a person changed a proposal to',
    );
  });

  test('the backbone proposes in the place of a refused one, with the person’s reason', async () => {
    const study = await waiting();
    const args = [{ number: 1, reason: 'too slow' }] as const;
    expect(await study.handle.executeUpdate(rejectProposal, { args: [args[0]] })).toEqual([1]);
    await study.untilRunning(1);
    expect(fillers(study)[1]).toBe('instead: refused by a person: too slow');
  });

  test('an approval of nothing, of an unknown number, or with a wrong value is refused', async () => {
    const study = await waiting();
    const approve = (which: { number?: number; edit?: Record<string, number> }): Promise<unknown> =>
      study.handle.executeUpdate(approveProposal, { args: [which] });
    expect(await refusal(approve({ number: 7 }))).toEqual({
      kind: 'NotFound',
      message: 'no proposal 7 waits for approval\n  there are: 1, 2',
    });
    expect((await refusal(approve({ number: 1, edit: { x: 5 } }))).message).toMatch(/x = 5/);
    expect((await refusal(approve({ edit: { x: 0.5 } }))).message).toBe(
      'several proposals wait; say which one is to be edited',
    );
    await approve({});
    expect(await refusal(approve({}))).toEqual({ kind: 'Conflict', message: 'nothing waits for approval' });
  });

  test('after the first one the rest goes through where only the first needs it', async () => {
    const study = await waiting(
      { approval: 'first', batch: 1 },
      {
        budget: { trials: 6 },
        activities: { agentValidate: () => checked({ proposals: [proposal(0.1)] }) },
      },
    );
    await study.handle.executeUpdate(approveProposal, { args: [{}] });
    for (const number of [1, 2, 3]) {
      await study.untilRunning(number);
      study.end(number);
    }
    await study.untilRunning(4);
    expect(fillers(study)).toContain('2-1');
  });

  test('a proposal still waits when the study has continued as a new run', async () => {
    const study = await waiting({}, { continueAfterEvents: 10 });
    await eventually(
      'it goes on as a new run',
      async () => (await study.latest.describe()).runId !== study.handle.firstExecutionRunId,
    );
    expect(await study.latest.executeUpdate(approveProposal, { args: [{}] })).toEqual([1, 2]);
    await study.untilRunning(1);
    expect(fillers(study)).toEqual(['backbone', '1-1']);
  });
});
