import { resolve } from 'node:path';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import type { Session } from '../../src/client/session';
import { embeddedServer } from '../../src/server/embedded-server';
import { STUDY_QUEUE } from '../../src/study/task-queues';
import { emptyTally } from '../../src/study/tally';
import type { StudyActivities } from '../../src/workflows/activity-types';
import { studyProgress } from '../../src/workflows/messages';
import { HeldStudy } from '../support/held-study';
import { until, type Installation } from '../support/installation';
import { OwnWorkers } from '../support/own-workers';

/* The study's workflow on the real server, with activities of the test's own: a ledger that takes its time is one of them. */

const bundle = resolve(__dirname, '..', '..', 'dist', 'workflow-bundle.js');

let own: OwnWorkers;
let installation: Installation;
let session: Session;

beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR', () => undefined) });
  own = await OwnWorkers.begin();
  ({ installation, session } = own);
});
afterAll(() => own.destroy());

test('a study that is paused while its state is written down proposes nothing', async () => {
  const written = Promise.withResolvers<void>();
  const states: string[] = [];
  let proposals = 0;
  const activities: Partial<StudyActivities> = {
    openStudy: () => Promise.resolve({ tally: emptyTally, running: [] }),
    noteState: (_study, state) => {
      states.push(state);
      return states.length === 1 ? written.promise : Promise.resolve();
    },
    propose: () => {
      proposals += 1;
      return Promise.resolve({ trials: [], exhausted: true });
    },
  };
  const client = await session.client();
  const connection = await NativeConnection.connect({ address: embeddedServer(installation.home)?.address });
  try {
    const worker = await Worker.create({
      connection,
      namespace: 'default',
      taskQueue: STUDY_QUEUE,
      workflowBundle: { codePath: bundle },
      activities,
    });
    await worker.runUntil(async () => {
      const { handle } = await HeldStudy.start(installation, session, { name: 'paused' });
      await until('its state is being written down', () => states.length === 1);
      const paused = handle.pause();
      const study = client.workflow.getHandle(handle.workflowId);
      await until('it is asked to pause', async () => {
        return (await study.query(studyProgress)).state === 'paused';
      });
      written.resolve();
      await paused;
      expect(states).toEqual(['running', 'paused']);
      expect(proposals).toBe(0);
      await handle.resume();
      await until('it goes on', () => proposals === 1);
      await expect(study.result()).rejects.toMatchObject({
        cause: { message: expect.stringContaining('no trial is COMPLETE') as string },
      });
    });
  } finally {
    await connection.close();
  }
});
