import { randomUUID } from 'node:crypto';
import { Client } from '@temporalio/client';
import { msToTs, type Duration } from '@temporalio/common/lib/time';
import {
  DefaultLogger,
  makeTelemetryFilterString,
  NativeConnection,
  Runtime,
  Worker,
} from '@temporalio/worker';
import { siteHostQueue, siteQueue, STUDY_QUEUE } from '../../../src/study/task-queues';
import { mockedActivities, type Mocks } from './mocked-activities';
import { MockedBatch, type BatchOptions } from './mocked-batch';
import { MockedStudy, type StudyOptions } from './mocked-study';
import { bundleVariable, TestServer } from './test-server';

/** The sites that have workers. */
const sites = ['a', 'b', 'c'];
/** The hosts at which site `a` has a worker of its own. */
const hosts = ['host1', 'host2'];

/** How long {@link WorkflowTests.advance} may take, whatever it skips. */
const advanceTimeoutMs = 20_000;

/** Something with mocked activities that a test has started. */
interface Started {
  readonly mocks: Mocks;
  clear(): Promise<void>;
}

/**
 * Workflows on Temporal's time-skipping test server, and workers whose activities are mocks. Each suite has a namespace of its own on
 * the shared server, or a server of its own if it moves the clock.
 */
export class WorkflowTests {
  private readonly started = new Map<string, Started>();
  private workers: readonly Worker[] = [];
  private running: Promise<unknown> = Promise.resolve();
  private server!: TestServer;
  private native!: NativeConnection;
  private count = 0;
  private readonly namespace = `suite-${randomUUID()}`;
  client!: Client;

  /** @param ownServer the suite moves the clock, which all namespaces of a server share */
  constructor(private readonly ownServer = false) {}

  async open(): Promise<void> {
    // The SDK warns at each start that the test server lacks what the real one has.
    const logging = { filter: makeTelemetryFilterString({ core: 'ERROR', other: 'ERROR' }) };
    Runtime.install({ logger: new DefaultLogger('ERROR', () => undefined), telemetryOptions: { logging } });
    this.server = this.ownServer ? await TestServer.start() : await TestServer.shared();
    const { connection, address } = this.server;
    const { namespace } = this;
    this.client = new Client({ connection, namespace });
    this.native = await NativeConnection.connect({ address });
    const common = {
      connection: this.native,
      namespace,
      activities: mockedActivities((name) => this.started.get(name)?.mocks),
      // A test that failed may have left an activity that never ends.
      shutdownForceTime: 3000,
      // An activity hears of its cancellation by its next heartbeat.
      maxHeartbeatThrottleInterval: 50,
      defaultHeartbeatThrottleInterval: 50,
    };
    const queues = [...sites.map(siteQueue), ...hosts.map((host) => siteHostQueue('a', host))];
    this.workers = await Promise.all([
      Worker.create({
        ...common,
        taskQueue: STUDY_QUEUE,
        workflowBundle: { codePath: process.env[bundleVariable] ?? '' },
      }),
      ...queues.map((taskQueue) => Worker.create({ ...common, taskQueue })),
    ]);
    this.running = Promise.all(this.workers.map((worker) => worker.run()));
  }

  async close(): Promise<void> {
    for (const worker of this.workers) worker.shutdown();
    await this.running;
    await this.native.close();
    await this.server.stop();
  }

  /** Ends what a test has left running. */
  async clear(): Promise<void> {
    await Promise.all([...this.started.values()].map((one) => one.clear()));
    this.started.clear();
  }

  /** Starts a study. */
  async study(options: StudyOptions = {}): Promise<MockedStudy> {
    return this.unstarted(options).start();
  }

  /** A study with mocks whose workflow does not run: for its trials, or to be started later. */
  unstarted(options: StudyOptions = {}): MockedStudy {
    const study = new MockedStudy(this.client, this.newName('study'), options);
    this.started.set(study.name, study);
    return study;
  }

  /** Jobs without a study, whose workflow does not run yet. */
  batch(options: BatchOptions = {}): MockedBatch {
    const batch = new MockedBatch(this.client, this.newName('batch'), options);
    this.started.set(batch.name, batch);
    return batch;
  }

  /**
   * Moves the server's clock; timers and retries that are due by then come first. An activity that is scheduled or runs stops the
   * clock, also one of a workflow that was terminated: tests that advance the clock end all that they start by themselves.
   */
  async advance(duration: Duration): Promise<void> {
    if (!this.ownServer) throw new Error('the suite has no server of its own');
    const { connection } = this.server;
    await connection.withDeadline(Date.now() + advanceTimeoutMs, async () =>
      connection.testService?.unlockTimeSkippingWithSleep({ duration: msToTs(duration) }),
    );
  }

  private newName(what: string): string {
    this.count += 1;
    return `${what}-${String(this.count)}`;
  }
}

/** A suite of workflow tests; skipped where the test server cannot run. */
export function describeWorkflows(title: string, suite: (workflows: WorkflowTests) => void): void {
  describeSuite(title, suite, new WorkflowTests());
}

/** A suite that may {@link WorkflowTests.advance} the clock, for which it has a server of its own. */
export function describeWorkflowsWithClock(title: string, suite: (workflows: WorkflowTests) => void): void {
  describeSuite(title, suite, new WorkflowTests(true));
}

function describeSuite(
  title: string,
  suite: (workflows: WorkflowTests) => void,
  workflows: WorkflowTests,
): void {
  const available = process.env[bundleVariable] !== undefined;
  (available ? describe : describe.skip)(available ? title : `skipped: needs Java: ${title}`, () => {
    beforeAll(() => workflows.open());
    afterEach(() => workflows.clear());
    afterAll(() => workflows.close());
    suite(workflows);
  });
}
