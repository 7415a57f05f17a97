import { NativeConnection, Worker } from '@temporalio/worker';

/** The worker of Temporal's floor, as a process of its own: floor-worker.ts ADDRESS */
async function main(): Promise<void> {
  const connection = await NativeConnection.connect({ address: process.argv[2] ?? '' });
  const worker = await Worker.create({
    connection,
    taskQueue: 'floor',
    workflowsPath: require.resolve('./floor-workflows'),
    activities: { nothing: () => Promise.resolve() },
  });
  process.stdout.write('ready\n');
  await worker.run();
}

void main();
