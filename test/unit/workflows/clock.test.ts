import { adjustStudy } from '../../../src/workflows/messages';
import { pending } from '../../support/workflows/mocked-activities';
import { complete, type MockedStudy } from '../../support/workflows/mocked-study';
import { describeWorkflows } from '../../support/workflows/workflow-tests';

/*
 * What waits for the clock. The test server's clock stands still while anything is left over from another test, so each of these tests
 * ends all that it starts, and other tests have a file, and so a server, of their own.
 */

const hour = 3_600_000;

describeWorkflows('the clock', (workflows) => {
  /** A study with one trial, whose job is looked at each hour until it may end. */
  async function start(hours: number): Promise<{ readonly study: MockedStudy; readonly end: () => void }> {
    let mayEnd = false;
    const study = await workflows.study({
      held: true,
      budget: { hours, parallel: 1 },
      activities: {
        awaitAttempt: ({ number }) => {
          if (!mayEnd) throw pending(hour);
          return { kind: 'ended', outcome: study.record(complete(number)) };
        },
      },
    });
    await study.mocks.called('awaitAttempt');
    return {
      study,
      end: () => {
        mayEnd = true;
      },
    };
  }

  test('ends a study whose hours are over, and its running trials finish', async () => {
    const { study, end } = await start(24);
    await workflows.advance('23 hours');
    expect((await study.progress()).state).toBe('running');
    await workflows.advance('2 hours');
    await study.untilState('draining');
    expect(await study.progress()).toMatchObject({ reason: 'its 24 hours are over', running: [0] });
    end();
    await workflows.advance('2 hours');
    expect(await study.result()).toMatchObject({ state: 'complete', reason: 'its 24 hours are over' });
    expect(study.attempted).toEqual([0]);
  });

  test('ends a study by the hours that a person has given it meanwhile', async () => {
    const { study, end } = await start(24);
    await study.handle.executeUpdate(adjustStudy, { args: [{ budget: { hours: 72 } }] });
    await workflows.advance('48 hours');
    expect((await study.progress()).state).toBe('running');
    await workflows.advance('25 hours');
    await study.untilState('draining');
    end();
    await workflows.advance('2 hours');
    expect(await study.result()).toMatchObject({ reason: 'its 72 hours are over' });
  });

  test('a trial waits for a job for days without more history', async () => {
    let looks = 0;
    const study = workflows.unstarted({
      held: true,
      activities: {
        awaitAttempt: () => {
          if (++looks < 50) throw pending(hour);
          return { kind: 'ended', outcome: complete(0) };
        },
      },
    });
    const trial = await study.startTrial();
    await study.mocks.called('awaitAttempt');
    await workflows.advance('3 days');
    expect(await trial.result()).toEqual(complete(0));
    expect(looks).toBe(50);
    const { events } = await trial.fetchHistory();
    expect(events?.length).toBeLessThan(20);
  });

  test('a trial that sites refuse more than four times in a row pauses longer and longer', async () => {
    const study = workflows.unstarted({
      activities: {
        startAttempt: ({ attempt }) =>
          attempt < 7
            ? { kind: 'refused', cause: 'full', why: 'no place' }
            : { kind: 'ended', outcome: complete(0) },
      },
    });
    const trial = await study.startTrial({ sites: ['a', 'b'] });
    for (const times of [5, 6]) {
      await study.mocks.called('startAttempt', times);
      await workflows.advance('10 seconds');
    }
    expect(await trial.result()).toEqual(complete(0));
    const { events } = await trial.fetchHistory();
    const pauses = (events ?? []).flatMap(({ timerStartedEventAttributes: timer }) => timer ?? []);
    expect(pauses.map(({ startToFireTimeout }) => Number(startToFireTimeout?.seconds))).toEqual([2, 4]);
  });
});
