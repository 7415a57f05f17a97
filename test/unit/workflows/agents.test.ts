import { ApplicationFailure } from '@temporalio/common';
import type { AgentSamplerSpec } from '../../../src/study/spec';
import {
  adjustStudy,
  approveProposal,
  pauseStudy,
  rejectProposal,
  resumeStudy,
  stopStudy,
} from '../../../src/workflows/messages';
import {
  agentStudy,
  answer,
  checked,
  fillers,
  proposal,
  sampler,
  slots,
} from '../../support/workflows/agent-study';
import { eventually } from '../../support/workflows/eventually';
import type { Overrides } from '../../support/workflows/mocked-activities';
import type { MockedStudy, StudyOptions } from '../../support/workflows/mocked-study';
import { refusal } from '../../support/workflows/refusal';
import { describeWorkflows } from '../../support/workflows/workflow-tests';

describeWorkflows('the agents of a study', (workflows) => {
  function start(options: StudyOptions = {}, changes: Partial<AgentSamplerSpec> = {}): Promise<MockedStudy> {
    return workflows.study(agentStudy(options, changes));
  }

  describe('whose turn it is', () => {
    test('a model proposes its share, after a first trial of the backbone', async () => {
      const study = await start();
      expect(await study.result()).toMatchObject({ state: 'complete' });
      expect(fillers(study)).toEqual(['backbone', '1-1', 'backbone', '1-2']);
      expect(study.mocks.callsOf('agentRecord')[0]).toMatchObject([
        {},
        {
          round: 1,
          agent: 'ada',
          end: 'accepted',
          ideas: [{ id: '1-1', call: '1.1', usage: { tokens: 5 } }, {}],
        },
      ]);
    });

    test('a model that is away leaves its slots to the backbone, with the reason, and is asked once in the next round', async () => {
      const study = await start({
        activities: {
          agentPropose: () => {
            throw ApplicationFailure.create({ message: 'HTTP 503', nextRetryDelay: 5 });
          },
        },
      });
      await study.result();
      const reason = 'instead: the model did not answer: HTTP 503';
      expect(fillers(study)).toEqual(['backbone', reason, 'backbone', reason]);
      // Twice in the first round, by its one retry.
      expect(study.mocks.callsOf('agentPropose').map(([, , { round }]) => round)).toEqual([1, 1, 2]);
    });

    test('limits that are used up end the rounds until they are raised', async () => {
      let open = false;
      const study = await start({
        held: true,
        budget: { trials: 8 },
        activities: {
          agentPropose: () => (open ? answer : { kind: 'limits', reason: 'its 5 calls are made' }),
        },
      });
      for (const number of [0, 1, 2]) {
        await study.untilRunning(number);
        study.end(number);
      }
      await study.untilRunning(3);
      expect(fillers(study).filter((filler) => filler === 'instead: its 5 calls are made')).toHaveLength(2);
      expect(study.mocks.callsOf('agentObserve')).toHaveLength(1);
      open = true;
      const limits = { calls: 9, tokens: null, cost_usd: null };
      await study.handle.executeUpdate(adjustStudy, { args: [{ sampler: { ...sampler, limits } }] });
      for (const number of [3, 4]) {
        await study.untilRunning(number);
        study.end(number);
      }
      await study.untilRunning(5);
      expect(fillers(study).at(-1)).toBe('2-1');
    });

    test('an idea that the space has no room for any more is dropped, and one that had no turn keeps its own', async () => {
      let next = 0;
      const study = await start({
        activities: {
          propose: (_study, _version, { slots: given = [] }) => {
            const [slot] = given;
            const number = next++;
            if (slot?.by !== 'idea') return { trials: [{ number, summary: '' }], exhausted: false };
            // The first idea is dropped, and the backbone fills its slot.
            if (slot.idea.id === '1-1')
              return { trials: [{ number, summary: '' }], exhausted: false, dropped: ['1-1'] };
            return { trials: [{ number, summary: '', idea: slot.idea.id }], exhausted: false };
          },
        },
      });
      await study.result();
      expect(fillers(study)).toEqual(['backbone', '1-1', 'backbone', '1-2']);
    });

    test('a round that was ended by hand leaves its slots to the backbone, and the study goes on', async () => {
      const study = await start({
        activities: {
          agentObserve: ({ name }, _version, { round }) => {
            if (round === 1) throw ApplicationFailure.nonRetryable(`${name} is damaged`, 'Corrupt');
            return { summary: '', notes: '', news: false, seen: 0 };
          },
        },
      });
      expect(await study.result()).toMatchObject({ state: 'complete' });
      expect(fillers(study)[1]).toMatch(/^instead: the round was lost: study-\d+ is damaged$/);
      expect(study.mocks.callsOf('agentRecord')[0]?.[1]).toMatchObject({ round: 1, end: 'away' });
    });
  });

  describe('a round', () => {
    test('has an answer repaired twice at most, and then leaves it to the backbone with the problem', async () => {
      const study = await start({
        budget: { trials: 2 },
        activities: {
          agentValidate: () => checked({ proposals: [], problems: ['x is out of range'] }),
          agentRepair: () => answer,
        },
      });
      await study.result();
      expect(study.mocks.callsOf('agentRepair').map(([, , { step }]) => step)).toEqual([2, 3]);
      expect(fillers(study)).toEqual([
        'backbone',
        'instead: nothing of what it proposed could be used after 2 repairs: x is out of range',
      ]);
    });

    test('keeps what was right in an answer, and asks anew only for the rest', async () => {
      const study = await start({
        activities: {
          agentValidate: (_study, _version, { wanted }) =>
            wanted === 2
              ? checked({ proposals: [proposal(0.1)], problems: ['x is out of range'] })
              : checked({ proposals: [proposal(0.3)] }),
          agentRepair: () => answer,
        },
      });
      await study.result();
      expect(
        study.mocks
          .callsOf('agentValidate')
          .slice(0, 2)
          .map(([, , check]) => check),
      ).toMatchObject([
        { wanted: 2, besides: [] },
        { wanted: 1, besides: [{ x: 0.1 }] },
      ]);
      expect(slots(study).flatMap((slot) => (slot.by === 'idea' ? [slot.idea.params['x']] : []))).toEqual([
        0.1, 0.3,
      ]);
    });

    test('drops what the critic refuses', async () => {
      const text = JSON.stringify({ verdicts: [{ index: 1, accept: false, reason: 'no' }] });
      const study = await start(
        { activities: { agentCritic: () => ({ ...answer, text }) } },
        { critic: true },
      );
      await study.result();
      expect(slots(study).find((slot) => slot.by === 'idea')).toMatchObject({ idea: { params: { x: 0.2 } } });
    });

    test('accepts everything where the critic does not answer', async () => {
      const study = await start(
        { activities: { agentCritic: () => ({ kind: 'limits', reason: 'no calls left' }) } },
        { critic: true },
      );
      await study.result();
      expect(fillers(study)).toEqual(['backbone', '1-1', 'backbone', '1-2']);
    });

    test('begins with notes on the last proposals where there is news of them', async () => {
      const study = await start({
        budget: { trials: 2 },
        activities: {
          agentObserve: () => ({ summary: '', notes: 'old', news: true, seen: 1 }),
          agentReflect: () => ({ ...answer, text: JSON.stringify({ notes: 'small x is better' }) }),
        },
      });
      await study.result();
      expect(study.mocks.callsOf('agentRecord')[0]?.[1]).toMatchObject({ notes: 'small x is better' });
      const [, , { conversation }] = study.mocks.callsOf('agentPropose')[0]!;
      expect(JSON.stringify(conversation)).toContain('small x is better');
    });

    test('ends with the study', async () => {
      const study = await start({
        held: true,
        activities: { agentPropose: () => study.mocks.wait(new Promise<never>(() => undefined)) },
      });
      await study.untilRunning(0);
      study.end(0);
      await study.mocks.called('agentPropose');
      await study.handle.executeUpdate(stopStudy, { args: [{ now: false }] });
      expect(await study.result()).toMatchObject({ state: 'stopped' });
    });
  });

  describe('at the end of a study', () => {
    test('a model looks back once at what came of its proposals where the study is complete', async () => {
      const study = await start();
      await study.result();
      expect(study.mocks.callsOf('agentRecord').map(([, { end }]) => end)).toEqual(['accepted', 'reflected']);
    });

    test('no model is asked where a person has stopped the study', async () => {
      const study = await start({ held: true });
      for (const number of [0, 1]) {
        await study.untilRunning(number);
        study.end(number);
      }
      await study.untilRunning(2);
      await study.handle.executeUpdate(stopStudy, { args: [{ now: true }] });
      await study.result();
      expect(study.mocks.callsOf('agentRecord').map(([, { end }]) => end)).toEqual(['accepted']);
    });

    test('a budget that is raised after it has ended a round lets the agents go on', async () => {
      let rounds = 0;
      const study = await start({
        held: true,
        budget: { trials: 9, parallel: 3, target: 0 },
        activities: {
          agentPropose: () =>
            ++rounds === 1 ? study.mocks.wait(new Promise<never>(() => undefined)) : answer,
        },
      });
      await study.untilRunning(0, 1);
      await study.mocks.called('agentPropose');
      study.end(0, { values: [1] });
      await study.untilState('draining');
      await study.handle.executeUpdate(adjustStudy, { args: [{ budget: { target: 1000 } }] });
      await study.mocks.called('agentRecord');
      expect(study.mocks.callsOf('agentRecord')[0]?.[1]).toMatchObject({ round: 2, end: 'accepted' });
      await study.untilRunning(2);
      expect(fillers(study)).toContain('2-1');
    });
  });

  describe('and what they ask for', () => {
    function asks(tool: 'stop_study' | 'narrow_space' | 'enqueue', args = {}): Overrides {
      return {
        agentValidate: () => checked({ requests: [{ tool, arguments: args, reason: 'it is enough' }] }),
      };
    }

    test('a stop is carried out and recorded', async () => {
      const study = await start({ activities: asks('stop_study') }, { tools: ['stop_study'] });
      expect(await study.result()).toMatchObject({
        state: 'stopped',
        reason: "stopped by agent 'ada': it is enough",
      });
      expect(study.mocks.callsOf('agentDecide')).toMatchObject([[{}, [{ id: '1-r1', outcome: 'done' }]]]);
    });

    test('a narrower space is saved under a new version', async () => {
      const args = { space: { x: { high: 0.5 } } };
      const study = await start({ activities: asks('narrow_space', args) }, { tools: ['narrow_space'] });
      await study.result();
      expect(study.mocks.callsOf('saveSpec')[0]).toMatchObject([
        {},
        2,
        { space: { x: { distribution: { high: 0.5 } } } },
      ]);
    });

    test('what a person could not ask for is refused, and the refusal is recorded', async () => {
      const args = { params: { x: 7 } };
      const study = await start({ activities: asks('enqueue', args) }, { tools: ['enqueue'] });
      await study.result();
      expect(study.mocks.callsOf('enqueueTrial')).toEqual([]);
      expect(study.mocks.callsOf('agentDecide')[0]?.[1]).toMatchObject([
        { id: '1-r1', outcome: expect.stringMatching(/^refused: .*x = 7/) as string },
      ]);
    });
  });

  describe('and a person’s approval', () => {
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
      const study = await waiting({}, { continueAfterEvents: 80 });
      const { runId } = await study.latest.describe();
      // Requests lengthen the history until the study continues as a new run.
      await eventually('it continues as a new run', async () => {
        await study.latest.executeUpdate(pauseStudy);
        await study.latest.executeUpdate(resumeStudy);
        return (await study.latest.describe()).runId !== runId;
      });
      expect(await study.latest.executeUpdate(approveProposal, { args: [{}] })).toEqual([1, 2]);
      await study.untilRunning(1);
      expect(fillers(study)).toEqual(['backbone', '1-1']);
    });
  });
});
